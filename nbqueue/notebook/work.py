"""What cards ask of a job or a group: protocols that the client's handles and their live facts fulfil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from nbqueue.client.group_failures import Failed
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.model.trace import Trace
from nbqueue.notebook.attendance import Asked


class Live(Protocol):
    """Facts that a background thread keeps up to date; reading them never waits."""

    @property
    def ended(self) -> bool:
        """Whether it has ended, a group with all its jobs."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the end is known with all that was kept of it."""
        ...

    @property
    def now(self) -> datetime:
        """The time on the clock that its moments were taken from, as well as it is known."""
        ...

    @property
    def version(self) -> int:
        """Grows with each change."""
        ...

    @property
    def reconnecting(self) -> bool:
        """Whether the server cannot be reached at the moment."""
        ...

    def close(self) -> None:
        """Stop following."""
        ...


@runtime_checkable
class JobLive(Live, Protocol):
    """The facts of one job."""

    @property
    def record(self) -> JobRecord:
        """What is known of it now."""
        ...

    @property
    def log_tail(self) -> str:
        """The last lines of its log."""
        ...

    @property
    def remote_traceback(self) -> str:
        """Where its error was raised."""
        ...

    @property
    def trace(self) -> Trace:
        """Its metrics over time."""
        ...


@runtime_checkable
class GroupLive(Live, Protocol):
    """The facts of a group."""

    @property
    def counts(self) -> Mapping[State, int]:
        """State -> number of its jobs."""
        ...

    @property
    def total(self) -> int:
        """Jobs in all."""
        ...

    @property
    def waits(self) -> str:
        """The id of one of its jobs that is ready; empty where none is."""
        ...

    @property
    def before(self) -> int:
        """Those that had ended before its own began, as those that are not retried: its times are not theirs."""
        ...

    @property
    def retried_by(self) -> str:
        """The group of the retries of those that did not end well; empty where they were not retried."""
        ...

    @property
    def began_at(self) -> datetime | None:
        """When its first job started."""
        ...

    @property
    def last_end_at(self) -> datetime | None:
        """When the last of those that have ended did."""
        ...

    @property
    def failures(self) -> Sequence[Failed]:
        """The first of its jobs that did not end well."""
        ...

    @property
    def errors(self) -> Mapping[str, int]:
        """How many did not end well by which error: its class, or the state where there is none."""
        ...

    def rates(self, now: datetime, /) -> Sequence[float]:
        """Ends a second over time."""
        ...


class Answer(Protocol):
    """The answer to a cancel or a retry, which is on its way."""

    def done(self) -> bool:
        """Whether it is here."""
        ...

    def wait(self, timeout: float | None = None) -> object:
        """The answer; raises what went wrong."""
        ...


class Work(Protocol):
    """A job or a group: what a card is shown for."""

    @property
    def id(self) -> str:
        """Names it."""
        ...

    @property
    def label(self) -> str:
        """The name of its function."""
        ...

    @property
    def queue(self) -> str:
        """Its queue as far as known; empty where it is not."""
        ...

    @property
    def session(self) -> Asked | None:
        """Who asks the server about it, if anybody does."""
        ...

    def live(self) -> Any:
        """Begin to follow it: a JobLive or a GroupLive."""
        ...

    def cancel(self) -> Answer:
        """Ask for its end; acts when called and does not wait."""
        ...


@runtime_checkable
class OneJob(Work, Protocol):
    """A job, which can run again."""

    def newest(self) -> Answer:
        """Ask for its last retry; the answer is itself where there is none."""
        ...

    def retry(self) -> Answer:
        """Ask for another run; the answer is what runs in its place."""
        ...


@runtime_checkable
class ManyJobs(Work, Protocol):
    """A group, of which a part can run again."""

    def newest(self) -> Answer:
        """Ask for the group as it was retried last; the answer is itself where it was not."""
        ...

    def retry_failed(self) -> Answer:
        """Ask for another run of what did not end well; the answer is the group as it then is."""
        ...
