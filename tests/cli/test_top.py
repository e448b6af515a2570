"""`nbqueue top` in a real terminal, before a real server and worker."""

import signal
from collections.abc import Callable

import pytest

from tests.cli.commands import run, shell, states
from tests.cli.terminals import HOSTILE, Terminal
from tests.servers import Server, running_server
from tests.waiting import wait_until


@pytest.mark.usefixtures("under_way")
def test_a_frame_of_80_by_24(open_top: Callable[..., Terminal]) -> None:
    """Queues, workers and jobs have their places; the last line has the keys, and no text steers the terminal."""
    top = open_top()
    text = top.until(lambda text: "! no worker" in text and "red" in text and "/5,000" in text)
    rows = text.split("\n")
    assert rows[0].startswith("nbqueue unix:///tmp/nbq-")
    assert "3 queues, 1 worker, 1 running, 1 waiting" in rows[0]
    assert rows[1].startswith("Ended in the last 5 minutes: 0 succeeded, 1 failed")
    assert rows[2].split() == ["queue", "is", "waiting", "delayed", "running", "failed", "per", "min", "oldest"]
    assert {row.split()[0] for row in rows[3:6]} == {"deep", "default", "lonely"}
    jobs = rows[rows.index(next(row for row in rows if row.startswith("id "))) + 1 :]
    assert [row.split()[:2] for row in jobs[:3]] == [["long-1", "steps"], ["lonely-1", "steps"], ["bad-1", "red"]]
    assert ("► running" in jobs[0], "! no worker" in jobs[1], "✗ failed" in jobs[2]) == (True, True, True)
    assert rows[-1].startswith("q quit")
    assert [each for each in HOSTILE if each in top.sent] == []


def test_a_queue_is_paused_and_goes_on(scene: Server, open_top: Callable[..., Terminal]) -> None:
    """In the list of queues p holds back the one with the cursor, and lets it go on."""
    top = open_top()
    top.press("\t")
    top.until(lambda text: "Tab jobs" in text)
    name = "default"
    # a frame that is half drawn has no marked row
    while (before := wait_until(lambda: top.marked)) != name:
        top.press("j")
        wait_until(lambda: top.marked not in ("", before))
    top.press("p")
    top.until(lambda text: "‖ paused" in text and "Pause default" in text)
    assert run("pause", "--url", scene.url).stdout == "q:default\n"
    top.press("p")
    top.until(lambda text: "‖ paused" not in text and "Resume default" in text)


def test_a_job_is_cancelled_when_that_is_confirmed(scene: Server, open_top: Callable[..., Terminal]) -> None:
    """C asks first; any key but y does nothing."""
    top = open_top("--queue", "lonely")
    top.until(lambda text: "lonely-2" in text.split("\n")[-2])
    top.press("j")
    top.until(lambda text: "lonely-1" in text.split("\n")[-2])
    top.press("c")
    top.until(lambda text: "Cancel lonely-1? y/n" in text)
    top.press("n")
    top.until(lambda text: "nothing was done" in text)
    assert states(scene)["lonely-1"] == "queued"
    top.press("cy")
    top.until(lambda text: "Cancel 1 job: 1 cancelled" in text and "⊘ cancelled" in text)
    assert states(scene)["lonely-1"] == "cancelled"
    top.press("s")
    top.until(lambda text: "⊘ cancelled" not in text)


@pytest.mark.usefixtures("scene")
def test_another_size(open_top: Callable[..., Terminal]) -> None:
    """A terminal that changes its size gets a frame that fits; columns that are spare go first."""
    top = open_top()
    top.resize(12, 50)
    text = top.until(lambda text: "delayed" not in text and _is_whole(text))
    rows = text.split("\n")
    assert (len(rows), max(map(len, rows)) <= 50, rows[2].split()[:2]) == (12, True, ["queue", "is"])
    top.resize(40, 150)
    top.until(lambda text: "versions" in text and _is_whole(text))


def _is_whole(text: str) -> bool:
    """Whether a frame stands where it belongs."""
    rows = text.split("\n")
    return rows[0].startswith("nbqueue") and rows[2].startswith("queue") and rows[-1].startswith("q quit")


@pytest.mark.usefixtures("scene")
def test_a_frame_is_drawn_over_the_last_one(open_top: Callable[..., Terminal]) -> None:
    """Nothing is cleared between two frames, and a second brings two or three at most: it does not flicker."""
    top = open_top()
    before = len(top.sent)
    clock = top.rows[0][-8:]
    top.until(lambda text: text[72:80] > clock and text[72:80][-1] != clock[-1])
    top.press("j")
    top.until(lambda _: len(top.sent) > before)
    assert (b"\x1b[2J" in top.sent[before:], b"\x1b[J" in top.sent[before:]) == (False, False)


@pytest.mark.parametrize(("how", "code"), [("q", 0), ("\x03", 130), (signal.SIGTERM, 143)])
@pytest.mark.usefixtures("scene")
def test_it_leaves_the_terminal_as_it_was(how: str | int, code: int, open_top: Callable[..., Terminal]) -> None:
    """However it ends, its picture is gone, the cursor is there, and keys are echoed again."""
    top = open_top()
    if isinstance(how, str):
        top.press(how)
    else:
        top.signal(how)
    assert top.end() == code
    assert (b"\x1b[?1049h" in top.sent, top.sent.rindex(b"\x1b[?1049l") > top.sent.rindex(b"nbqueue unix")) == (
        True, True,
    )  # fmt: skip
    assert top.sent.rindex(b"\x1b[?25h") > top.sent.rindex(b"\x1b[?25l")


def test_one_frame_for_scripts(scene: Server) -> None:
    """Where the output is no terminal, or with --once, there is one frame without a cursor, as wide as COLUMNS says."""
    found = shell("top", "--once", "--url", scene.url)
    rows = found.stdout.splitlines()
    assert (found.returncode, found.stderr, "\x1b" in found.stdout, "q quit" in found.stdout) == (0, "", False, False)
    assert max(map(len, rows)) <= 80
    assert rows[2].startswith("queue ")
    live = shell("top", "--state", "live", "--queue", "lonely", "--url", scene.url)
    assert ("lonely" in live.stdout, "deep" in live.stdout) == (True, False)


def test_a_server_that_is_not_there() -> None:
    """It is said in a sentence, with exit code 1; a local stack is not started."""
    found = shell("top", "--once")
    assert (found.returncode, found.stderr.startswith("nbqueue: No local stack runs in ")) == (1, True)


def test_a_server_that_goes_away() -> None:
    """What was known stays on the screen, and that it is old is said until the server is back."""
    with running_server() as server:
        run("submit", "steps", "1", "--queue", "deep", "--url", server.url)
        top = Terminal("top", "--url", server.url)
        try:
            top.until(lambda text: "deep" in text)
            server.process.send_signal(signal.SIGSTOP)
            server.process.kill()
            top.until(lambda text: "cannot be reached" in text and "deep" in text, timeout_s=20)
            top.press("q")
            assert top.end() == 0
        finally:
            top.close()
