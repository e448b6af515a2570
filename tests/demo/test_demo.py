"""The demo as a whole: what it shows and leaves, and that nothing stays behind when it is interrupted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from nbqueue.local import stack
from nbqueue.model.settings import Settings
from tests import processes
from tests.servers import Server
from tests.waiting import wait_until

pytest.importorskip("ortools")
pytest.importorskip("sklearn")

COMMAND = [sys.executable, "-m", "nbqueue.demo"]


@contextmanager
def demo() -> Iterator[subprocess.Popen[str]]:
    """The demo under way, its output in ``out``."""
    with Path("out").open("w", encoding="utf-8") as out:
        process = subprocess.Popen(COMMAND, stdout=out, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def said(text: str) -> bool:
    """Whether the demo has printed a text by now."""
    return text in Path("out").read_text(encoding="utf-8")


def test_the_demo_proves_the_optima_and_leaves_its_files(home: Path) -> None:
    """It ends with 0, shows every optimum, writes history and chart, and stops the stack that it started."""
    with demo() as process:
        assert process.wait(90) == 0, Path("out").read_text(encoding="utf-8")
    assert all(said(text) for text in ("930", "666", "55", "optimal, proven", "support vectors", "All optima proven"))
    history = pd.read_csv("nbqueue-demo/history.csv")
    assert (len(history), set(history["state"])) == (8, {"succeeded"})
    assert Path("nbqueue-demo/history.png").read_bytes().startswith(b"\x89PNG")
    assert processes.daemons(home) == set()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(number: signal.Signals, home: Path) -> None:
    """Ctrl-C and SIGTERM in the middle of a search end it with 130, and no process of its home is left."""
    with demo() as process:
        wait_until(lambda: said("running  solve ft10"), timeout_s=30)
        os.kill(process.pid, number)
        assert process.wait(20) == 130
    assert said("Interrupted")
    assert not said("Traceback")
    assert processes.daemons(home) == set()


@pytest.mark.slow
def test_a_stack_that_was_there_stays(home: Path) -> None:
    """Interrupted, the demo cancels its own jobs and leaves a stack running that it found."""
    settings = Settings(home=home)
    stack.ensure(settings)
    try:
        with demo() as process:
            wait_until(lambda: said("running  solve ft10"), timeout_s=30)
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(20) == 130
        assert stack.server_is_up(settings)
        listed = subprocess.run([sys.executable, "-m", "nbqueue", "jobs"], capture_output=True, text=True, check=True)
        assert "cancelled" in listed.stdout
        assert not any(word in listed.stdout for word in ("running", "queued"))
    finally:
        stack.stop(settings)


def test_without_a_worker_it_says_so(server: Server) -> None:
    """A given server that nobody serves is a sentence, not an endless wait."""
    found = subprocess.run([*COMMAND, "--url", server.url], capture_output=True, text=True, check=False, timeout=30)
    assert (found.returncode, found.stderr.startswith('nbqueue: No worker serves the queue "default"')) == (2, True)
