"""A worker for tests: notes each start and its end in NBQUEUE_HOME/runs, and ends when asked."""

import os
import signal
import subprocess
import sys
from pathlib import Path

NOTES = Path(os.environ["NBQUEUE_HOME"]) / "runs"


def note(word: str) -> None:
    """Add a line with our process id."""
    with NOTES.open("a", encoding="utf-8") as file:
        file.write(f"{word} {os.getpid()}\n")


if "--with-child" in sys.argv:
    # in a process group of its own, as the children that run jobs are
    child = subprocess.Popen(["sleep", "600"], process_group=0)
    note(f"child {child.pid} of")
ASKED = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
note("started")
signal.sigwait(ASKED)
if "--deaf" in sys.argv:
    signal.pause()
note("ended")
