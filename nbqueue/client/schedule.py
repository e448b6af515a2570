"""`Schedule`: the handle of one schedule."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from nbqueue.client import scheduling
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.session import Session, session
from nbqueue.client.waiting import accepted_first
from nbqueue.model.durations import Duration
from nbqueue.model.names import check_schedule
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.shown import ShownNow
from nbqueue.model.times import Overlap, Times, changed, times_of

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Schedule(ShownNow, Generic[T_co]):
    """The handle of a schedule. It lives in the server, by its name; workers make its jobs."""

    def __init__(self, name: str, *, of: Session | None = None, accepted: Future[bool] | None = None) -> None:
        #: names it in the server
        self.name = check_schedule(name)
        self._session = of or session()
        self._accepted = accepted

    @property
    def existed(self) -> bool:
        """Whether this handle took the place of a schedule that the server had by this name."""
        sent = self._accepted
        if sent is None or not sent.done() or sent.cancelled() or sent.exception() is not None:
            return False
        return sent.result()

    def info(self) -> Pending[ScheduleRecord]:
        """What is known of it now: its state, its times, when it runs next, how it ran so far."""

        async def asked(link: Link) -> ScheduleRecord:
            return (await scheduling.look_up(link, self.name)).record

        return self._begin(asked, "looking up")

    def pause(self) -> Pending[None]:
        """Let no more runs come; one that is under way goes on, one that waits for its end is dropped."""
        return self._begin(lambda link: scheduling.pause(link, self.name), "pausing")

    def resume(self) -> Pending[None]:
        """Let runs come again; those of the time in between are left out."""
        return self._begin(lambda link: scheduling.resume(link, self.name), "resuming")

    def trigger(self) -> Pending[Job[T_co]]:
        """One run now, beside those of its times, also where it is paused or has ended; its job."""

        def handle(job_id: str) -> Job[T_co]:
            return Job(job_id, name=self.name, of=self._session)

        call = self._call(lambda link: scheduling.trigger(link, self.name))
        return Pending(call, handle, what=f"triggering schedule {self.name}")

    def change(
        self,
        times: Times | Duration | None = None,
        /,
        *,
        timezone: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        count: int | None = None,
        misfire: Literal["skip", "once"] | int | None = None,
        overlap: Overlap | None = None,
    ) -> Pending[None]:
        """Give it other times, from now on; what is not given stays. Runs are counted anew.

        Args:
            times: a cron expression or an interval; `Cron(...)` or `Every(...)` stand for all that follows as well.
            timezone: IANA name of the time zone of a cron expression.
            start: no run before.
            end: no run after.
            count: so many runs in all.
            misfire: what becomes of missed runs.
            overlap: what becomes of a run whose time comes while the last one lives.
        """
        words = {"start": start, "end": end, "count": count, "misfire": misfire, "overlap": overlap}
        given: dict[str, Any] = {name: value for name, value in words.items() if value is not None}
        # refused here, in the caller's own thread, where that does not depend on the times it has
        changed(times_of(60 if times is None else times), given)
        if timezone is not None:
            given["timezone"] = timezone
        return self._begin(lambda link: scheduling.change(link, self.name, times, given), "changing")

    def delete(self) -> Pending[None]:
        """Remove it from the server; jobs that it made stay."""
        return self._begin(lambda link: scheduling.delete(link, self.name), "deleting")

    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, T]], verb: str) -> Pending[T]:
        return Pending(self._call(act), what=f"{verb} schedule {self.name}")

    def _call(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Future[T]:
        """Put something under way that begins once the server has the schedule."""
        return self._session.promise(accepted_first(self._accepted, act))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and other.name == self.name

    def __hash__(self) -> int:
        return hash((Schedule, self.name))

    def __reduce__(self) -> tuple[Any, ...]:
        return Schedule, (self.name,)

    def __repr__(self) -> str:
        return f"<Schedule {self.name}; await its .info()>"
