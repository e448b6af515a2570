"""Runs the command `nbqueue` as a shell does, and in this process where that is enough."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from click.testing import CliRunner, Result

from nbqueue.cli import main
from tests.servers import Server


def run(*words: str) -> Result:
    """The command in this process; what it printed and its exit code."""
    return CliRunner().invoke(main, words)


def shell(*words: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in the current folder."""
    command = [sys.executable, "-m", "nbqueue", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The command under way; killed at the end of the block if it still is."""
    command = [sys.executable, "-m", "nbqueue", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def states(server: Server) -> dict[str, str]:
    """The jobs that a server knows, and where each stands."""
    found = json.loads(run("jobs", "--json", "--url", server.url).stdout)
    return {item["id"]: item["state"] for item in found}
