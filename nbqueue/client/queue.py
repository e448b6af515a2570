"""`Queue`: one queue by its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from nbqueue.broker import gates, queues, statistics
from nbqueue.broker import retention as forgetting
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client import alerts, attaching, finding, minute_counts, moving, sweeping
from nbqueue.client.alerts import Alert, On
from nbqueue.client.known import jobs
from nbqueue.client.link import Link
from nbqueue.client.named import Named, name_of
from nbqueue.client.pending import Pending
from nbqueue.client.selection import Selection
from nbqueue.client.session import session
from nbqueue.errors import ConfigurationError
from nbqueue.model import moments, retention
from nbqueue.model.alerting import check
from nbqueue.model.durations import Duration
from nbqueue.model.limits import Limit, limit
from nbqueue.model.moments import Moment
from nbqueue.model.names import check_queue, check_text
from nbqueue.model.retention import Retention
from nbqueue.model.shown import ShownList, ShownNow
from nbqueue.model.states import FAILURES, State

T = TypeVar("T")

#: jobs that are cleared at most in one go
_MOST = 1_000_000


class Queue(ShownNow):
    """A queue: its numbers, who works on it, and whether its jobs may start."""

    def __init__(self, name: str = "default") -> None:
        #: its name
        self.name = check_queue(name)

    def stats(self) -> Pending[QueueStats]:
        """Its numbers now: jobs by state, rate, how long jobs wait and run, and how full the server is."""
        return self._begin(
            lambda link: link.wire.ask(lambda client: statistics.stats(client, link.wire.keys, self.name))
        )

    def per_minute(self, since: Moment = "1h") -> Pending[Any]:
        """A pandas frame with a row a minute: `minute` (UTC), `submitted`, and jobs that ended by final state.

        Args:
            since: "7d", "2h", a timedelta (both back from now), an aware datetime, or an entry of a history frame;
                counts are kept for 14 days.
        """
        moments.milliseconds(since, "since", 0)
        future = session().call(lambda link: minute_counts.read(link, self.name, since))
        return Pending(future, minute_counts.frame, what=f'reading the minutes of queue "{self.name}"')

    def retention(
        self, *, age: Duration | None = None, attempts: int | None = None, remove: bool = False
    ) -> Pending[Retention]:
        """Set how long its history is kept from now on, and give what holds. Without an argument nothing is changed.

        What is beyond either of the two is forgotten soon, the oldest first: the attempts, and all that is
        known of their jobs. What ended within the last hour stays, and so do jobs whose results are kept, and members
        of a group that goes on.

        Args:
            age: how long ago an attempt may have ended: seconds, a timedelta, or text such as "90d"; 30 days if not
                given.
            attempts: how many are kept, from 0; 100,000 if not given.
            remove: go back to what is usual.
        """
        if remove and (age is not None or attempts is not None):
            raise ConfigurationError("retention takes remove=True, or age= and attempts=: not both.")
        wanted = retention.check(age, attempts)

        async def act(link: Link) -> Retention:
            wire = link.wire
            if remove or age is not None or attempts is not None:
                await wire.ask(lambda client: forgetting.keep(client, wire.keys, self.name, None if remove else wanted))
            return (await wire.ask(lambda client: forgetting.settings(client, wire.keys))).get(self.name, Retention())

        return self._begin(act)

    def pause(self) -> Pending[None]:
        """Let no more of its jobs start; those that run go on."""
        return self._begin(lambda link: link.wire.ask(lambda client: queues.pause(client, link.wire.keys, self.name)))

    def resume(self) -> Pending[None]:
        """Let its jobs start again."""
        return self._begin(lambda link: link.wire.ask(lambda client: queues.resume(client, link.wire.keys, self.name)))

    def limits(
        self, *, rate: str | None = None, concurrency: int | None = None, function: Named | None = None,
        key: str | None = None, remove: bool = False,
    ) -> Pending[Mapping[str, Limit]]:  # fmt: skip
        """Set a limit from now on, over all workers, and give those that are set: `q:<queue>` and so on -> limit.

        It counts for jobs that wait or run already. A call sets both numbers: what is not given is no limit, whatever
        was set before. Without either nothing is changed.

        Args:
            rate: starts in a time: "20/min", "5/s", "60/min burst 5".
            concurrency: how many run at once.
            function: for this function, in whatever queue, and not for the queue.
            key: for the jobs with this `limit_key`, in whatever queue.
            remove: take the limit away.
        """
        name = "" if function is None else name_of(function)
        if key is not None:
            check_text(key, "key", least=1)
        if function is not None and not name:
            raise ConfigurationError(
                'function="" names no function: leave it out to set the limit of the queue itself.'
            )
        if remove and (rate is not None or concurrency is not None):
            raise ConfigurationError("limits takes remove=True, or rate= and concurrency=: not both.")
        if key and name:
            raise ConfigurationError(
                f"limits takes key= or function=, one of them: key={key!r} counts the jobs of that key, whatever "
                "function they call."
            )
        found = limit(rate, concurrency)
        scope = f"k:{key}" if key else f"f:{name}" if name else f"q:{self.name}"

        async def act(link: Link) -> Mapping[str, Limit]:
            if remove or not found.is_open:
                await link.wire.ask(lambda client: gates.set_limit(client, link.wire.keys, scope, found))
            return await link.wire.ask(lambda client: gates.limits(client, link.wire.keys))

        return self._begin(act)

    def clear(
        self,
        states: str | State | Collection[str | State] = ("queued", "scheduled"),
        *,
        older_than: Moment | None = None,
    ) -> Pending[int]:
        """Forget its jobs in these states; how many. Those that wait are cancelled, those that run go on.

        Args:
            states: one state or several; those that wait if not given.
            older_than: only those submitted before then: "7d", "2h", a timedelta back from now, or an aware datetime.
        """
        asked = finding.wanted(state=states, queue=self.name, limit=_MOST)
        if older_than is not None:
            moments.milliseconds(older_than, "older_than", 0)
        return self._begin(lambda link: sweeping.clear(link, asked, older_than))

    def drain(self) -> Pending[None]:
        """Take no more jobs, and finish those that are there: answers when nothing waits or runs in it any more."""
        # a process that was stopped while it waited for this need not end after it
        future = session().call(lambda link: sweeping.drain(link, self.name))
        return Pending(future, what=f'draining queue "{self.name}"')

    def open(self) -> Pending[None]:
        """Take jobs again after a `drain`."""
        return self._begin(
            lambda link: link.wire.ask(lambda client: queues.open_again(client, link.wire.keys, self.name))
        )

    def jobs(
        self, state: str | State | Collection[str | State] | None = None, *, limit: int = 100
    ) -> Pending[Selection]:
        """Its jobs in one state or several (all if not given), at most so many, as `jobs.where` takes them."""
        return jobs.where(queue=self.name, state=state, limit=limit)

    def dead(self, *, since: Moment | None = None, limit: int = 100_000) -> Pending[Selection]:
        """Its jobs that failed for good and were not retried: `.retry()` all of them, or `[0].retry()` one."""
        here = session()
        asked = finding.wanted(state=FAILURES, queue=self.name, since=since, limit=limit, retried=False)
        return Pending(
            here.call(lambda link: attaching.search(link, asked)),
            lambda found: Selection(found, f'queue "{self.name}" that failed', here),
            what=f'looking up what failed in queue "{self.name}"',
        )

    def move(self, queue: str, *, limit: int = 100_000) -> Pending[int]:
        """Put its waiting jobs into another queue; how many."""
        check_queue(queue)
        asked = finding.wanted(state=("queued", "scheduled"), queue=self.name, limit=limit)

        async def moved(link: Link) -> int:
            return await moving.move_waiting(link, [record.id for record in await finding.find(link, asked)], queue)

        return self._begin(moved)

    def workers(self) -> Pending[list[EngineInfo]]:
        """The engines that serve it."""

        async def asked(link: Link) -> list[EngineInfo]:
            found = await link.wire.ask(lambda client: queues.engines(client, link.wire.keys))
            return ShownList((engine for engine in found if self.name in engine.queues), kind=EngineInfo)

        return self._begin(asked)

    def alert(
        self, *, on: On | Sequence[On], depth: int | None = None, oldest_s: float | None = None,
        failure_rate: float | None = None, window_s: float = 300.0,
    ) -> Pending[Alert]:  # fmt: skip
        """Tell when the queue goes over a limit, once, and when it is back.

        Args:
            on: the URL of a webhook, which workers call for as long as the alert is not removed; or a callable, or a
                list of them, called with a `Crossing` in a thread of its own, for as long as this process lives.
            depth: more jobs than this wait.
            oldest_s: the oldest has waited longer than this many seconds.
            failure_rate: a larger share than this of the jobs that ended within the window did not end well, from ten
                jobs on; cancelled ones do not count.
            window_s: the length of the window in seconds.
        """
        limits = check(self.name, depth=depth, oldest_s=oldest_s, failure_rate=failure_rate, window_s=window_s)
        return alerts.begin(session(), limits, on)

    def alerts(self) -> Pending[list[Alert]]:
        """Its alerts: those that workers look after, and those of this process."""
        return alerts.listed(session(), self.name)

    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Pending[T]:
        return session().begin(act, what=f'asking about queue "{self.name}"')

    def __repr__(self) -> str:
        return f"Queue({self.name!r})"
