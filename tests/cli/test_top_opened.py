"""`nbqueue top` in a real terminal: what opens from a row, what is done to it there, and the way back."""

from collections.abc import Callable

import pytest

from tests.cli.commands import run, states
from tests.cli.terminals import HOSTILE, Terminal
from tests.servers import Server
from tests.waiting import wait_until


@pytest.mark.usefixtures("under_way")
def test_a_job_is_opened_and_left(open_top: Callable[..., Terminal], server: Server) -> None:
    """Enter shows all that is known of the job, where its error was raised and its log; Esc and q go back."""
    top = open_top()
    top.until(lambda text: "✗ failed" in text and "► running" in text)
    _go_to(top, "bad-1")
    assert top.rows[-1] == "q quit  Enter open  Tab queues  p pause  c cancel  r retry  s states  ? help"
    top.press("\r")
    text = top.until(lambda text: "traceback on the worker:" in text and "before it" in text)
    rows = text.split("\n")
    assert rows[1].startswith("✗ failed  red ")
    assert {"id": "bad-1", "queue": "default", "attempt": "1 of 1"}.items() <= _facts(rows).items()
    assert ("log" in rows, rows[-1]) == (True, "Esc back  ↑↓ scroll  p pause  c cancel  r retry  ? help")
    top.press("j")
    top.until(lambda text: "lines 2 to " in text)
    top.press("c")
    top.until(lambda text: "bad-1 has ended (failed): there is nothing to cancel." in text)
    top.press("r")
    top.until(lambda text: "Retry bad-1? y/n" in text)
    top.press("y")
    top.until(lambda text: "Retry 1 job: 1 submitted again" in text)
    top.until(lambda text: any(row.startswith("retried by") for row in text.split("\n")))
    # the traceback quotes the source, which has the word as text
    assert [each for each in HOSTILE if each in top.sent] in ([], [b"owned"])
    top.press("\x1b")
    top.until(lambda text: text.split("\n")[-1].startswith("q quit"))
    _go_to(top, "long-1")
    top.press("\r")
    top.until(lambda text: "on its way" in text and "► running  steps  " in text)
    top.press("cy")
    top.until(lambda text: "Cancel 1 job: 1 cancelled" in text)
    wait_until(lambda: states(server)["long-1"] == "cancelled", timeout_s=20)
    top.until(lambda text: "⊘ cancelled  steps" in text)
    top.press("q")
    top.until(lambda text: text.split("\n")[-1].startswith("q quit"))
    top.press("q")
    assert top.end() == 0


def _facts(rows: list[str]) -> dict[str, str]:
    """Names and values of a job's page."""
    found = (row.partition(" ") for row in rows)
    return {name: value.strip() for name, _, value in found}


def _go_to(top: Terminal, job_id: str) -> None:
    """Move the cursor to the row of a job."""
    top.until(lambda _: _is_there(top, job_id), timeout_s=20)


def _is_there(top: Terminal, job_id: str) -> bool:
    """Whether the cursor is in that row; else it goes one nearer."""
    ids, at = [row.split(" ")[0] for row in top.rows], top.marked
    if at != job_id and job_id in ids and at in ids:
        top.press("j" if ids.index(at) < ids.index(job_id) else "k")
        wait_until(lambda: top.marked not in ("", at))
    return at == job_id


def test_a_group_opens_as_its_jobs(server: Server, open_top: Callable[..., Terminal]) -> None:
    """Enter lists the jobs of the group, and of these opens one; each Esc goes one step back."""
    at = ("--url", server.url)
    run("submit", "steps", "1", "--id", "lonely-1", "--queue", "lonely", *at)
    group = run("map", "steps", "1", "2", "--queue", "lonely", *at).stdout.strip()
    top = open_top(columns=100)
    top.until(lambda text: group in text and "lonely-1" in text)
    _go_to(top, group)
    top.press("\r")
    text = top.until(lambda text: f"group {group}: all its jobs" in text and "lonely-1" not in text)
    rows = text.split("\n")
    first = rows[rows.index(f"group {group}: all its jobs") + 2].split()[0]
    assert (rows[-1].startswith("Esc back"), first in states(server)) == (True, True)
    top.press("\r")
    top.until(lambda text: _facts(text.split("\n")).get("id") == first)
    top.press("\x1b")
    top.until(lambda text: f"group {group}: all its jobs" in text)
    top.press("\x1b")
    top.until(lambda text: "lonely-1" in text and top.marked == group)
    top.press("?")
    top.until(lambda text: "Enter        open the job" in text)
    top.press("x")
    top.until(lambda text: "lonely-1" in text)


def test_a_viewer_may_open_and_not_change(scene: Server) -> None:
    """What the role does not allow is refused in a sentence."""
    top = Terminal("top", "--url", scene.url_of("viewer"), "--queue", "lonely")
    try:
        top.until(lambda text: "lonely-1" in text and "lonely-2" in text)
        _go_to(top, "lonely-1")
        top.press("\r")
        top.until(lambda text: _facts(text.split("\n")).get("id") == "lonely-1" and "no log" in text)
        top.press("cy")
        refusal = "Cancel 1 job: not done: the server gives this user no right to do that"
        top.until(lambda text: text.split("\n")[-2] == refusal)
        assert states(scene)["lonely-1"] == "queued"
        top.press("q")
        top.until(lambda text: "lonely-2" in text)
    finally:
        top.close()


@pytest.mark.parametrize("columns", [60, 200])
@pytest.mark.usefixtures("scene")
def test_ids_can_be_typed(columns: int, open_top: Callable[..., Terminal]) -> None:
    """The ids that nbqueue makes are whole, and the last line has whole keys, at any width."""
    top = open_top(columns=columns)
    text = top.until(lambda text: all(each in text for each in ("first-1", "deep-1", "lonely-1", "lonely-2")))
    assert text.split("\n")[-1].endswith("? help")
