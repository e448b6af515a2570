"""The processes of a contestant: started in groups of their own, ended with all that they started."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psutil

from tests.servers import end_with_parent

END_S = 3.0


class PlayerFailed(Exception):
    """A contestant's process did not do what it was asked."""


class Player:
    """One process, which may be asked for things by a line of JSON."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self._log = process, log

    def ask(self, do: str, *, timeout_s: float = 180.0, **given: Any) -> dict[str, Any]:
        """Its reply to a request."""
        if do:
            _stream(self.process.stdin).write(json.dumps({"do": do, **given}) + "\n")
            _stream(self.process.stdin).flush()
        output = _stream(self.process.stdout)
        if not select.select([output], [], [], timeout_s)[0]:
            raise PlayerFailed(f"no answer to {do or 'the start'} within {timeout_s:.0f} s; {self._last_words()}")
        line = output.readline()
        reply = json.loads(line) if line.startswith("{") else {"error": line.strip() or self._last_words()}
        if "error" in reply:
            raise PlayerFailed(reply["error"])
        return dict(reply)

    def cpu_s(self) -> float:
        """Seconds of processor time that it and all it started took."""
        spent = [each.cpu_times() for each in _descendants(self.process.pid)]
        return float(sum(times.user + times.system for times in spent))

    def stop(self) -> None:
        """Keep it from doing anything."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL it and all that it started."""
        for each in _descendants(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def _last_words(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return text[-600:] or f"exit code {self.process.poll()}"


@contextmanager
def player(command: Sequence[str], variables: Mapping[str, str], log: Path) -> Iterator[Player]:
    """A process that ends with the block, and with this process."""
    with log.open("a", encoding="utf-8") as words:
        process = subprocess.Popen(  # noqa: S603 - our own words
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True,
            env={**os.environ, **variables}, start_new_session=True, preexec_fn=end_with_parent,  # noqa: PLW1509
        )  # fmt: skip
    try:
        yield Player(process, log)
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Ask it to end, then kill it and every descendant that is left."""
    everyone = _descendants(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
    _, left = psutil.wait_procs(everyone, timeout=END_S)
    for each in left:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait(END_S)
    for stream in (process.stdin, process.stdout):
        _stream(stream).close()


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _stream(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise PlayerFailed("the process has no pipes")
    return stream
