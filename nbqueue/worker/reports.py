"""What running jobs report, on its way out: published ten times a second, kept once a second."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbqueue.broker import events
from nbqueue.broker.claims import Report
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.model.trace import KEPT_POINTS, Trace
from nbqueue.worker import checkpoints

PUBLISH_S = 0.1
KEEP_S = 1.0
#: the metrics over time of a job are kept so often, and at its end
KEEP_TRACE_S = 5.0
#: characters of log a job may send in one message; the rest waits for the next
MESSAGE_CHARS = 60_000


@dataclass(slots=True)
class _Pending:
    """What a job reported since it was last published and kept."""

    fence: int
    progress: Mapping[str, Any] | None = None
    log: str = ""
    #: not kept yet
    kept_progress: Mapping[str, Any] | None = None
    kept_log: str = ""
    checkpoint: bytes = b""
    #: the last progress of all, for the history
    last: Mapping[str, Any] | None = None
    trace: Trace = field(default_factory=lambda: Trace(KEPT_POINTS))
    #: whether something of the trace is not kept yet, and from when on that may wait no longer
    trace_moved: bool = False
    trace_due: float = 0.0
    #: on the monotonic clock
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began


class Reports:
    """Collects reports by job; the engine sends what it gives."""

    def __init__(self, keyring: Keyring | None, keys: Keys) -> None:
        self._keyring, self._keys = keyring, keys
        self._jobs: dict[str, _Pending] = {}
        self._changed: set[str] = set()
        self._unkept: set[str] = set()

    def open(self, job_id: str, fence: int) -> None:
        """A job begins."""
        self._jobs[job_id] = _Pending(fence)

    def progress(self, job_id: str, wire: Mapping[str, Any]) -> None:
        """A job's progress and metrics now."""
        if (pending := self._jobs.get(job_id)) is not None:
            pending.progress = pending.kept_progress = pending.last = wire
            if isinstance(metrics := wire.get("metrics"), dict):
                pending.trace.add(pending.elapsed_s, metrics)
                pending.trace_moved = True
            self._note(job_id)

    def log(self, job_id: str, text: str) -> None:
        """Text for a job's log."""
        if text and (pending := self._jobs.get(job_id)) is not None:
            pending.log += text
            pending.kept_log += text
            self._note(job_id)

    def checkpoint(self, job_id: str, data: bytes) -> None:
        """A job's checkpoint; the last one counts."""
        if (pending := self._jobs.get(job_id)) is not None:
            pending.checkpoint = checkpoints.sealed(self._keyring, self._keys, job_id, data) if self._keyring else data
            self._unkept.add(job_id)

    def last_progress(self, job_id: str) -> Mapping[str, Any] | None:
        """The last progress a job reported."""
        pending = self._jobs.get(job_id)
        return pending.last if pending else None

    @property
    def waiting(self) -> bool:
        """Whether anything is to be published or kept."""
        return bool(self._changed or self._unkept)

    def messages(self) -> list[tuple[str, bytes]]:
        """(channel, sealed message) of all that changed."""
        changed, self._changed = self._changed, set()
        return [message for job_id in changed if (message := self._message(job_id))]

    def close(self, job_id: str) -> tuple[tuple[str, bytes] | None, Report | None]:
        """A job ended: its last message and what is to be kept of it."""
        pending = self._jobs.get(job_id)
        if pending is None:
            return None, None
        message = self._message(job_id) if job_id in self._changed else None
        pending.trace_due = 0.0
        kept = self._kept(job_id) if job_id in self._unkept or pending.trace_moved else None
        del self._jobs[job_id]
        self._changed.discard(job_id)
        self._unkept.discard(job_id)
        return message, kept

    def to_keep(self) -> list[Report]:
        """What is to be kept of all jobs since the last call."""
        unkept, self._unkept = self._unkept, set()
        return [report for job_id in unkept if (report := self._kept(job_id))]

    def keep_again(self, reports: list[Report]) -> None:
        """Reports that could not be written: merged in front of what came since."""
        for report in reports:
            if (pending := self._jobs.get(report.job_id)) is None:
                continue
            pending.kept_log = report.log + pending.kept_log
            pending.kept_progress = pending.kept_progress or report.progress
            pending.checkpoint = pending.checkpoint or report.checkpoint
            if report.trace is not None:
                pending.trace_moved, pending.trace_due = True, 0.0
            self._unkept.add(report.job_id)

    def _note(self, job_id: str) -> None:
        self._changed.add(job_id)
        self._unkept.add(job_id)

    def _message(self, job_id: str) -> tuple[str, bytes] | None:
        pending = self._jobs.get(job_id)
        if pending is None or self._keyring is None:
            return None
        progress, log = pending.progress, pending.log[:MESSAGE_CHARS]
        pending.progress, pending.log = None, pending.log[MESSAGE_CHARS:]
        if pending.log:
            self._changed.add(job_id)
        sealed = events.message(
            self._keyring, self._keys, job_id, pending.fence, progress=progress, log=log, elapsed_s=pending.elapsed_s
        )
        return self._keys.live(job_id), sealed

    def _kept(self, job_id: str) -> Report | None:
        pending = self._jobs.get(job_id)
        if pending is None:
            return None
        trace, now = None, time.monotonic()
        if pending.trace_moved and now >= pending.trace_due:
            trace, pending.trace_moved, pending.trace_due = pending.trace.to_wire(), False, now + KEEP_TRACE_S
        report = Report(job_id, pending.fence, pending.kept_progress, pending.kept_log, pending.checkpoint, trace)
        pending.kept_progress, pending.kept_log, pending.checkpoint = None, "", b""
        return report
