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
    #: bytes of the job's log before what is not published yet, and before what is not kept yet; None: not known
    log_after: int | None = None
    kept_log_after: int | None = None
    #: the last progress of all, for the history
    last: Mapping[str, Any] | None = None
    trace: Trace = field(default_factory=lambda: Trace(KEPT_POINTS))
    #: from when on what is new in the trace may wait no longer
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
        #: those of whose trace something is not kept yet
        self._traced: set[str] = set()
        self._unsure: set[str] = set()

    def open(self, job_id: str, fence: int) -> None:
        """A job begins."""
        self._jobs[job_id] = _Pending(fence)
        if fence == 1:
            self.log_goes_on(job_id, 0)

    def log_goes_on(self, job_id: str, after_bytes: int | None) -> None:
        """Earlier attempts left so many bytes of log."""
        if (pending := self._jobs.get(job_id)) is not None:
            pending.log_after = pending.kept_log_after = after_bytes

    def progress(self, job_id: str, wire: Mapping[str, Any]) -> None:
        """A job's progress and metrics now."""
        if (pending := self._jobs.get(job_id)) is not None:
            pending.progress = pending.kept_progress = pending.last = wire
            if isinstance(metrics := wire.get("metrics"), dict):
                pending.trace.add(pending.elapsed_s, metrics)
                self._traced.add(job_id)
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
        kept = self._kept(job_id) if job_id in self._unkept or job_id in self._traced else None
        del self._jobs[job_id]
        for known in (self._changed, self._unkept, self._unsure, self._traced):
            known.discard(job_id)
        return message, kept

    def to_keep(self) -> list[Report]:
        """What is to be kept of all jobs since the last call."""
        unkept, self._unkept, now = self._unkept, set(), time.monotonic()
        unkept |= {job_id for job_id in self._traced if self._jobs[job_id].trace_due <= now}
        return [report for job_id in unkept if (report := self._kept(job_id))]

    def keep_again(self, reports: list[Report]) -> None:
        """Reports that could not be written: merged in front of what came since."""
        for report in reports:
            if (pending := self._jobs.get(report.job_id)) is None:
                continue
            pending.kept_log = report.log + pending.kept_log
            pending.kept_log_after = _moved(pending.kept_log_after, -_size(report.log))
            if report.log:
                self._unsure.add(report.job_id)
            pending.kept_progress = pending.kept_progress or report.progress
            pending.checkpoint = pending.checkpoint or report.checkpoint
            if report.trace is not None:
                pending.trace_due = 0.0
                self._traced.add(report.job_id)
            self._unkept.add(report.job_id)

    @property
    def unsure(self) -> list[str]:
        """Jobs of whose log a part may have been written, or not: the answer was lost."""
        return [job_id for job_id in self._unsure if job_id in self._jobs]

    def has_kept(self, log_bytes: Mapping[str, int]) -> None:
        """Keep of their logs only what comes after so many bytes, which the server has."""
        for job_id, size in log_bytes.items():
            self._unsure.discard(job_id)
            pending = self._jobs.get(job_id)
            if pending is not None and pending.kept_log_after is not None and size > pending.kept_log_after:
                pending.kept_log = _after(pending.kept_log, size - pending.kept_log_after)
                pending.kept_log_after = size

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
            self._keyring, self._keys, job_id, pending.fence, progress=progress, log=log, log_after=pending.log_after,
            elapsed_s=pending.elapsed_s,
        )  # fmt: skip
        pending.log_after = _moved(pending.log_after, _size(log))
        return self._keys.live(job_id), sealed

    def _kept(self, job_id: str) -> Report | None:
        pending = self._jobs.get(job_id)
        if pending is None:
            return None
        trace, now = None, time.monotonic()
        if job_id in self._traced and now >= pending.trace_due:
            self._traced.discard(job_id)
            trace, pending.trace_due = pending.trace.to_wire(), now + KEEP_TRACE_S
        report = Report(job_id, pending.fence, pending.kept_progress, pending.kept_log, pending.checkpoint, trace)
        pending.kept_log_after = _moved(pending.kept_log_after, _size(pending.kept_log))
        pending.kept_progress, pending.kept_log, pending.checkpoint = None, "", b""
        return report


def _size(log: str) -> int:
    """The bytes of a log as it is kept."""
    return len(log.encode(errors="replace"))


def _after(log: str, size: int) -> str:
    """What comes after the first bytes of a log."""
    return log.encode(errors="replace")[size:].decode(errors="replace")


def _moved(after: int | None, size: int) -> int | None:
    return None if after is None else after + size
