"""Work with facts that a test sets by hand: data in the shape that a job's and a group's `live()` give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbqueue.client.group_failures import Failed
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.model.trace import Trace


@dataclass(kw_only=True)
class JobFacts:
    """The facts of a job."""

    record: JobRecord
    log_tail: str = ""
    remote_traceback: str = ""
    trace: Trace = field(default_factory=Trace)
    reconnecting: bool = False
    version: int = 0
    closed: bool = False

    @property
    def now(self) -> datetime:
        """The time of this machine."""
        return datetime.now(UTC)

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.record.state.is_final

    @property
    def complete(self) -> bool:
        """Whether the end is known with all facts."""
        return self.record.finished_at is not None

    def close(self) -> None:
        """Note that nobody follows any more."""
        self.closed = True


@dataclass(kw_only=True)
class GroupFacts:
    """The facts of a group."""

    counts: Mapping[State, int]
    total: int
    began_at: datetime | None = None
    waits: str = ""
    last_end_at: datetime | None = None
    failures: Sequence[Failed] = ()
    errors: Mapping[str, int] = field(default_factory=dict)
    before: int = 0
    retried_by: str = ""
    ends_a_second: Sequence[float] = ()
    reconnecting: bool = False
    version: int = 0
    closed: bool = False

    @property
    def now(self) -> datetime:
        """The time of this machine."""
        return datetime.now(UTC)

    @property
    def ended(self) -> bool:
        """Whether as many have ended as there are."""
        return sum(count for state, count in self.counts.items() if state.is_final) >= self.total

    @property
    def complete(self) -> bool:
        """The end is known with all facts as soon as it is known."""
        return True

    def rates(self, now: datetime) -> Sequence[float]:
        """Ends a second over time."""
        del now
        return self.ends_a_second

    def close(self) -> None:
        """Note that nobody follows any more."""
        self.closed = True


@dataclass
class GivenAnswer:
    """The answer to a cancel or a retry, which is here at once."""

    refusal: Exception | None
    answer: Any = "cancelled"

    def done(self) -> bool:
        """It is here."""
        return True

    def wait(self, timeout: float | None = None) -> Any:
        """The answer."""
        del timeout
        if self.refusal:
            raise self.refusal
        return self.answer


@dataclass(kw_only=True)
class GivenWork:
    """A job or a group with given facts; counts how often its end was asked for."""

    facts: Any
    id: str = "j1"
    label: str = ""
    queue: str = ""
    #: there is no server to ask
    session: None = None
    cancels: int = 0
    #: what a cancel or a retry is answered with, if not with yes
    refusal: Exception | None = None
    #: what runs in its place after a retry
    again: Any = None

    def live(self) -> Any:
        """The facts."""
        return self.facts

    def cancel(self) -> GivenAnswer:
        """Note it."""
        self.cancels += 1
        return GivenAnswer(self.refusal)

    def newest(self) -> GivenAnswer:
        """Itself: nobody has retried it."""
        return GivenAnswer(None, self)

    def retry(self) -> GivenAnswer:
        """What runs in its place."""
        return GivenAnswer(self.refusal, self.again)

    def becomes(self, **facts: Any) -> None:
        """Other facts from now on."""
        for name, value in facts.items():
            setattr(self.facts, name, value)
        self.facts.version += 1
