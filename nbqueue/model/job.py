"""What is known of a job now: the record that handles, cards and listings read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from nbqueue.model.progress import Progress
from nbqueue.model.shown import Shown, plain
from nbqueue.model.states import State, WaitReason

#: the error of a job that the server no longer knows
GONE = "JobLost"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class JobRecord(Shown):
    """A job as the server knows it. Times are UTC, on the server's clock."""

    id: str
    state: State
    queue: str = "default"
    #: the function's qualified name
    function: str = ""
    #: what the card shows
    label: str = ""
    #: why it waits, where there is more to say than the state
    reason: WaitReason | None = None
    priority: int = 0
    tags: tuple[str, ...] = ()
    group: str = ""
    #: jobs and groups it waits for, or has waited for
    after: tuple[str, ...] = ()
    retry_of: str = ""
    #: the last job that is a retry of it
    retried_by: str = ""
    #: the job that submitted it from inside
    parent: str = ""
    #: the resources it takes while it runs, such as `gpu=1`; empty: none
    needs: str = ""
    #: seconds after its submit from which it does not start any more; None: it may at any time
    expires_s: float | None = None
    submitted_at: datetime | None = None
    #: when it may start (or start again)
    due_at: datetime | None = None
    #: start of the current or last attempt
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: attempts that ran code to an end or are running; losses and crashes not counted
    tries: int = 0
    max_tries: int = 1
    #: workers lost under it
    losses: int = 0
    #: children that died under it
    crashes: int = 0
    #: number of the last claim
    fence: int = 0
    worker: str = ""
    #: class name and first line of the last error
    error_type: str = ""
    error: str = ""
    #: the job or group whose end it waited for, and which did not succeed
    failed_parent: str = ""
    #: "timeout" or "cancel" where it was asked to stop and handed something back
    stopped_by: str = ""
    cancel_requested: bool = False
    progress: Progress = Progress()  # noqa: RUF009 - frozen, so one shared default is safe

    @property
    def elapsed_s(self) -> float | None:
        """Seconds of the current or last attempt; None before it started."""
        if self.started_at is None:
            return None
        return max(((self.finished_at or datetime.now(UTC)) - self.started_at).total_seconds(), 0.0)

    @property
    def waits_for_worker(self) -> bool:
        """Whether nothing but a free worker is between it and its start."""
        return self.state is State.QUEUED and self.reason is None

    @property
    def waits_for_resources(self) -> bool:
        """Whether it may be what it needs of a worker that is between it and its start."""
        return bool(self.needs) and self.state is State.QUEUED and self.reason in (None, WaitReason.LIMITED)

    @property
    def may_be_held_up(self) -> bool:
        """Whether something else may be between it and its start: it is ready, or waits for other jobs."""
        return self.state is State.QUEUED or self.reason is WaitReason.BLOCKED

    @property
    def is_gone(self) -> bool:
        """Whether all that is known is that the server knows it no longer: its data was lost, or it was deleted."""
        return self.state is State.CRASHED and self.error_type == GONE

    @property
    def may_lack(self) -> bool:
        """Whether it may wait for what no worker has."""
        return self.waits_for_worker or self.waits_for_resources

    def __repr__(self) -> str:
        """What people look for first; the fields say the rest."""
        name = plain(self.label or self.function)
        times = (("submitted", self.submitted_at), ("started", self.started_at), ("ended", self.finished_at))
        facts = [f"{word} {at:%Y-%m-%d %H:%M:%S} UTC" for word, at in times if at is not None]
        error = [plain(f"{self.error_type}: {self.error}")] if self.error_type else []
        told = ", ".join([str(self.state), *facts, *error])
        return f"<JobRecord {plain(self.id)}{f' {name}' if name else ''}: {told}>"


def moment(milliseconds: float | str | bytes | None) -> datetime | None:
    """The UTC datetime of a time in milliseconds, or None for none."""
    if not milliseconds:
        return None
    return datetime.fromtimestamp(float(milliseconds) / 1000, tz=UTC)


class Records(Shown, tuple[JobRecord, ...]):
    """What is known of some jobs; a notebook shows it as one table."""

    __slots__ = ()
