"""Where a card's facts come from: the live record of a job, or the live counts of a group."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.notebook import view
from nbqueue.notebook.view import CardView


class Live(Protocol):
    """Facts that a background thread keeps up to date; reading them never waits."""

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


class Work(Protocol):
    """A job or a group: what a card is shown for."""

    @property
    def id(self) -> str:
        """Names it."""
        ...

    def live(self) -> Any:
        """Begin to follow it: a JobLive or a GroupLive."""
        ...

    def cancel(self) -> Any:
        """Ask for its end; acts when called and does not wait."""
        ...


class Source:
    """One job or group as a sequence of card views."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._live: JobLive | GroupLive = work.live()
        self._draw = _of_job if isinstance(self._live, JobLive) else _of_group
        self._cancel_asked = False

    @property
    def version(self) -> tuple[int, bool, bool]:
        """Differs whenever the facts do (not when only time has passed)."""
        return self._live.version, self._live.reconnecting, self._cancel_asked

    def view(self, now: datetime | None = None) -> CardView:
        """What to draw now."""
        return self._draw(self._live, now or datetime.now(UTC), cancel_asked=self._cancel_asked)

    def cancel(self) -> None:
        """Ask for the end of the work; the card says "cancelling" from now on."""
        self._cancel_asked = True
        self.work.cancel()

    def close(self) -> None:
        """Stop following."""
        self._live.close()


def _of_job(live: Any, now: datetime, *, cancel_asked: bool) -> CardView:
    return view.of_job(
        live.record, now=now, log_tail=live.log_tail, reconnecting=live.reconnecting, cancel_asked=cancel_asked
    )


def _of_group(live: Any, now: datetime, *, cancel_asked: bool) -> CardView:  # noqa: ARG001 - the same call for both
    return view.of_group(live.counts, live.total, cancel_asked=cancel_asked, reconnecting=live.reconnecting)
