"""Runs for the tests of children, and a listener that keeps what it is told."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from nbqueue.broker import codec
from nbqueue.children.pool import Children, Listener, Run, RunEnd
from nbqueue.model.outcome import Died, Raised, Returned

_NUMBERS = count(1)


class Heard:
    """What runs reported, by job."""

    def __init__(self) -> None:
        self.reports: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.logs: dict[str, str] = defaultdict(str)
        self.checkpoints: dict[str, list[bytes]] = defaultdict(list)

    def progress(self, job_id: str, wire: dict[str, Any]) -> None:
        """Keep a report."""
        self.reports[job_id].append(wire)

    def log(self, job_id: str, text: str) -> None:
        """Keep a piece of output."""
        self.logs[job_id] += text

    def checkpoint(self, job_id: str, data: bytes) -> None:
        """Keep a checkpoint."""
        self.checkpoints[job_id].append(data)


@asynccontextmanager
async def open_children(listener: Listener, **options: Any) -> AsyncIterator[Children]:
    """Children that are started, and closed whatever happens."""
    children = Children(listener, **options)
    await children.start()
    try:
        yield children
    finally:
        await children.close()


def a_run(fn: Callable[..., Any], *args: Any, **options: Any) -> Run:
    """A run of `fn`, with a job id of its own."""
    fields: dict[str, Any] = {
        "job_id": f"job-{next(_NUMBERS)}",
        "attempt": 1,
        "fence": 1,
        "function": fn.__name__,
        "payload": codec.dump_call(fn, args, {}),
    }
    return Run(**{**fields, **options})


def value_of(end: RunEnd) -> Any:
    """What the run gave back; fails where it gave nothing."""
    assert isinstance(end.end, Returned), end
    return codec.load_value(end.end.payload)


def error_of(end: RunEnd) -> str:
    """Type and message of what the run raised; fails where it did not."""
    assert isinstance(end.end, Raised), end
    return f"{end.end.error.type}: {end.end.error.message}"


def death_of(end: RunEnd) -> Died:
    """How the run's process died; fails where it did not."""
    assert isinstance(end.end, Died), end
    return end.end
