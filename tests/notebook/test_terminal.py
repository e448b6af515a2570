"""Bars on a terminal, plain lines elsewhere; nothing a job says reaches the terminal as a command."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from nbqueue.display import view, view_group
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State
from nbqueue.notebook import rows, terminal
from tests.notebook.works import GivenWork, GroupFacts, JobFacts
from tests.waiting import wait_until

NOW = datetime(2026, 11, 1, tzinfo=UTC)
RUNNING = JobRecord(
    id="j1", state=State.RUNNING, label="solve [bold]ft10[/bold]", started_at=NOW,
    progress=Progress(done=1, total=4, message="hm"),
)  # fmt: skip


def screen(views: list[view.CardView], width: int = 80, height: int = 24, *, ascii_only: bool = False) -> list[str]:
    """The rows as plain text."""
    return [row.plain.rstrip() for row in rows.screen(views, width, height, ascii_only=ascii_only)]


def test_a_job_is_a_row_with_its_bar_and_a_row_with_the_rest() -> None:
    """State, title, bar and figures in one row; message, metrics and notes below."""
    assert screen([view.of_job(RUNNING, now=NOW)]) == [
        "► running   solve [bold]ft10[/bold] ━━━━━━━──────────────────── 1/4 (25%), 0 s",
        "            hm",
    ]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """Where the terminal's encoding is ASCII, so is every row."""
    found = screen([view.of_job(replace(RUNNING, label="größe"), now=NOW)], ascii_only=True)
    assert (all(row.isascii() for row in found), found[0][:17]) == (True, "> running   gr??e")


def test_a_group_is_one_bar_of_several_parts() -> None:
    """The parts of a group's bar follow one another, and its counts stand below."""
    found = screen([view_group.of_group({State.SUCCEEDED: 50, State.RUNNING: 10, State.QUEUED: 40}, 100, now=NOW)])
    assert (found[0].count("━"), found[0].count("─"), found[1].strip()) == (
        24, 16, "50 succeeded, 10 running, 40 queued",
    )  # fmt: skip


@pytest.mark.parametrize("width", [10, 20, 40, 79, 200])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    """Long titles, wide characters and long messages are cut to the terminal's width."""
    wide = replace(RUNNING, label="日本語" * 30, progress=Progress(done=1, total=3, message="長い" * 100))
    console = Console(width=width, file=io.StringIO())
    console.print(*rows.screen([view.of_job(wide, now=NOW)], width, 20), sep="\n")
    assert all(cell_len(row) <= width for row in _plain(console).splitlines())


def test_more_jobs_than_rows_end_in_a_row_of_numbers() -> None:
    """With more jobs than rows the running ones are shown, and the others counted."""
    cards = [view.of_job(JobRecord(id=f"j{n}", state=State.QUEUED, label=f"job {n}"), now=NOW) for n in range(100)]
    cards[70] = view.of_job(replace(RUNNING, label="the running one"), now=NOW)
    found = screen(cards, height=5)
    assert (len(found), found[-1], sum("the running one" in row for row in found)) == (
        5, "and 96 more: ○ 96 queued", 1,
    )  # fmt: skip


def test_without_a_terminal_each_change_of_state_is_a_line() -> None:
    """Into a file or a pipe goes one plain line per change of state, and nothing for mere progress."""
    work, console = GivenWork(facts=JobFacts(record=replace(RUNNING, state=State.QUEUED, progress=Progress()))), _file()
    with terminal.show([work], console=console):
        work.becomes(record=RUNNING)
        wait_until(lambda: "running" in _plain(console))
        work.becomes(record=replace(RUNNING, progress=Progress(done=3, total=4)))
        work.becomes(record=replace(RUNNING, state=State.SUCCEEDED, finished_at=NOW, progress=Progress()))
    words = [line.split("  ")[0] for line in _plain(console).splitlines()]
    assert (words, work.facts.closed) == (["○ queued", "► running", "✓ succeeded"], True)


def test_a_bar_that_cannot_be_drawn_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Facts that no card can be made of cost one warning; the other bars go on."""
    bad = JobFacts(record=replace(RUNNING, tries=None))  # type: ignore[arg-type]
    works = [GivenWork(facts=facts) for facts in (bad, JobFacts(record=RUNNING))]
    with terminal.show(works, console=_file()) as board:
        shown = [board.views(), board.views()]
    assert [len(views) for views in shown] == [1, 1]
    assert [record.message for record in caplog.records] == ["A bar could not be drawn; its job is not affected."]


def test_a_group_and_a_job_can_be_added_while_it_shows() -> None:
    """A display takes in more work while it runs."""
    with terminal.show([], console=_file()) as board:
        board.add(GivenWork(facts=JobFacts(record=RUNNING)))
        board.add(GivenWork(facts=GroupFacts(counts={State.QUEUED: 2}, total=2)))
        assert [card.title for card in board.views()] == ["solve [bold]ft10[/bold]", "2 jobs"]


ROOT = str(Path(__file__).parents[2])
SCREEN = {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", "LINES": "20", "PYTHONPATH": ROOT}
SCRIPT = """
import sys
from datetime import UTC, datetime
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State
from nbqueue.notebook import terminal
from tests.notebook.works import GivenWork, JobFacts
text = "evil\\x1b]0;title\\x07\\x1b[2J\\x9b31m\\u202e[link=x]y[/]"
record = JobRecord(id="j1", state=State.FAILED, label=text, error=text, error_type=text, started_at=datetime.now(UTC),
                   finished_at=datetime.now(UTC), progress=Progress(done=1, message=text, metrics={text: text}))
with terminal.show([GivenWork(facts=JobFacts(record=record))]):
    pass
"""


def test_a_job_cannot_steer_the_terminal() -> None:
    """On a real terminal, titles, clear-screen sequences, direction marks and markup of a job are not obeyed."""
    leader, follower = pty.openpty()
    try:
        environment = {**os.environ, **SCREEN}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], stdin=follower, stdout=follower, stderr=follower, env=environment,
            check=False, timeout=60,
        )  # fmt: skip
        written = os.read(leader, 100_000).decode()
    finally:
        os.close(leader)
        os.close(follower)
    bad = [part for part in ("\x1b]0;", "\x1b[2J", "\x9b", "\u202e", "\x07") if part in written]
    assert (done.returncode, bad, "evil[link=x]y[/]" in written) == (0, [], True)


def _file() -> Console:
    return Console(file=io.StringIO(), width=80)


def _plain(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
