"""Scripts and consoles: bars while something is waited for, and the terminal as it was afterwards."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.notebook.bars import Bars
from tests.notebook.shells import running_shell
from tests.notebook.works import GivenWork, JobFacts

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def work(name: str) -> GivenWork:
    """A job that runs."""
    record = JobRecord(id=name, state=State.RUNNING, label=name, started_at=NOW)
    return GivenWork(id=name, facts=JobFacts(record=record, version=1))


def ends(job: GivenWork) -> None:
    """Let it succeed after a second."""
    job.becomes(record=replace(job.facts.record, state=State.SUCCEEDED, finished_at=NOW.replace(second=1)))


def written(console: Console) -> str:
    """What a console was given."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_all_that_is_waited_for_at_once_is_on_one_display() -> None:
    """Two waits share a display, which ends with the last of them and gives the cursor back."""
    console, jobs = Console(file=io.StringIO(), width=60, force_terminal=True), [work("one"), work("two")]
    bars = Bars(console)
    for job in jobs:
        bars.show(job)
    for job in jobs:
        ends(job)
        bars.settle(job)
    found = written(console)
    assert (found.count("\x1b[?25l"), found.endswith("\x1b[?25h")) == (1, True)
    last = found.rsplit("\x1b[2K", 1)[1]
    assert (last.index("one") < last.index("two"), last.count("succeeded")) == (True, 2)
    assert [job.facts.closed for job in jobs] == [True, True]


def test_a_wait_that_was_not_shown_changes_nothing() -> None:
    """Awaiting a job that has no bar draws nothing."""
    console = Console(file=io.StringIO(), width=60, force_terminal=True)
    Bars(console).settle(work("one"))
    assert written(console) == ""


def test_the_end_alone_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NBQUEUE_NONINTERACTIVE=1 a wait prints one line, at its end."""
    monkeypatch.setenv("NBQUEUE_NONINTERACTIVE", "1")
    console, job = Console(file=io.StringIO(), width=60), work("one")
    bars = Bars(console)
    bars.show(job)
    before = written(console)
    ends(job)
    bars.settle(job)
    assert (before, written(console)) == ("", "✓ succeeded  one  1.0 s\n")


def test_a_handle_at_the_end_of_a_cell_is_one_line() -> None:
    """In IPython in a terminal a handle is shown as a line and not as a display."""
    console, job = Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None), work("one")
    job.becomes(record=replace(job.facts.record, state=State.QUEUED, started_at=None))
    Bars(console).display(job)
    assert (written(console), job.facts.closed) == ("○ queued  one\n", True)


def test_the_end_of_a_cell_ends_its_bars() -> None:
    """A wait that was interrupted leaves no bars on the prompt: they end with the cell."""
    console, job = Console(file=io.StringIO(), width=60, force_terminal=True), work("one")
    with running_shell() as shell:
        shell.user_ns.update(bars=Bars(console), job=job)
        shell.run_cell("bars.show(job)")
        assert (written(console).endswith("\x1b[?25h"), job.facts.closed) == (True, True)
        shell.run_cell("bars.show(job)")
    assert written(console).count("\x1b[?25l") == 2
