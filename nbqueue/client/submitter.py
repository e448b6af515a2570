"""`submit`, `run` and `submit_map`, plain or with options."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Never, ParamSpec, TypeVar, overload

from nbqueue.broker.jobs import same_as
from nbqueue.client import hooks, sending
from nbqueue.client.delivery import TURN_JOBS
from nbqueue.client.draft import Drafts
from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.parents import ids_of
from nbqueue.client.pending import Pending
from nbqueue.client.schedule import Schedule
from nbqueue.client.scheduling import draft_schedule, keep
from nbqueue.client.session import Session, session
from nbqueue.client.submission import draft_many, draft_one
from nbqueue.client.turns import deliver_all_in_turn, deliver_in_turn
from nbqueue.client.word import tell_when_ended
from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import Duration
from nbqueue.model.options import Isolation, OnParentFailure, RunIn, check
from nbqueue.model.presets import Preset
from nbqueue.model.retry import RetryPolicy
from nbqueue.model.task import Task
from nbqueue.model.times import Times

P = ParamSpec("P")
T = TypeVar("T")
#: what is told of a job's end: a callable that takes its handle, or a URL
OnDone = str | Callable[[Job[Any]], object]

#: a handle keeps what it sent, for a retry, up to this size
KEPT_BYTES = 10_000_000


class Submitter:
    """Submits with the options it was made with; see `options()`."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self._given = {name: value for name, value in (given or {}).items() if value is not None}
        if "after" in self._given:
            self._given["after"] = ids_of(self._given["after"])
        check(**self._given)

    @overload
    def submit(
        self, fn: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Pending[Job[T]]: ...
    @overload
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[Job[T]]: ...
    @overload
    def submit(self, fn: str, /, *args: Any, **kwargs: Any) -> Pending[Job[Any]]: ...
    def submit(self, fn: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> Pending[Job[Any]]:
        """The handle of a new job that calls `fn`, once the server has accepted it.

        Args:
            fn: any function, sync or async, or the name of one that is registered on the workers.
            args: its positional arguments.
            kwargs: its keyword arguments.

        Raises:
            NotSendable: an argument cannot travel; at once, here.
            PayloadTooLarge: it is over the limit; at once, here.
            BrokerUnavailable: the server cannot be reached; from the Pending.
        """
        job = self._submitted(fn, args, kwargs)
        return Pending(job.accepted, lambda answer: standing_for(job, answer), what=f"the submit of {job.label}")

    @overload
    def run(self, fn: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...
    @overload
    def run(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...
    @overload
    def run(self, fn: str, /, *args: Any, **kwargs: Any) -> Pending[Any]: ...
    def run(self, fn: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> Pending[Any]:
        """The result of a new job that calls `fn`; its live card is shown meanwhile.

        Where another job may stand for it (`unique`, `cache`), which one is found out before this returns.
        """
        job = self._submitted(fn, args, kwargs)
        if self._may_join(fn):
            job = standing_for(job, job.accepted.result())
        hooks.show(job)
        return job.run()

    @overload
    def submit_map(
        self, fn: Callable[..., Coroutine[Any, Any, T]], /, *iterables: Iterable[Any]
    ) -> Pending[JobGroup[T]]: ...
    @overload
    def submit_map(self, fn: Callable[..., T], /, *iterables: Iterable[Any]) -> Pending[JobGroup[T]]: ...
    @overload
    def submit_map(self, fn: str, /, *iterables: Iterable[Any]) -> Pending[JobGroup[Any]]: ...
    def submit_map(self, fn: Callable[..., Any] | str, /, *iterables: Iterable[Any]) -> Pending[JobGroup[Any]]:
        """The handle of a group of new jobs, one for each item, paired as by `map`.

        Nothing is submitted where one item cannot be sent.
        """
        if not iterables:
            raise ConfigurationError(
                "submit_map has nothing to map over: give an iterable for each argument of the function, as in "
                "submit_map(fn, [1, 2, 3])."
            )
        here = session()
        items = list(zip(*map(_iterated, iterables), strict=False))
        drafts = draft_many(here.settings, fn, items, self._given, naming=here.naming, sharing=here.shares)
        order, told = sending.begin(drafts.order, len(drafts))
        drafts.order = order
        accepted = here.promise(lambda link: _delivered(link, here, drafts))
        told(accepted)

        def group(members: list[Job[Any]]) -> JobGroup[Any]:
            name = order.options.label or order.function
            return JobGroup(
                order.group if members else "", members, of=here, name=name if members else "", items=items,
                batch=order.options.batch, is_counted=order.options.once is None,
            )  # fmt: skip

        tell_when_ended(here, accepted, accepted.result, order.options.on_done)
        return Pending(accepted, group, what=f"the submit of {len(drafts):,} jobs")

    @overload
    def schedule(
        self,
        times: Times | Duration,
        fn: Callable[P, Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Pending[Schedule[T]]: ...
    @overload
    def schedule(
        self, times: Times | Duration, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Pending[Schedule[T]]: ...
    @overload
    def schedule(self, times: Times | Duration, fn: str, /, *args: Any, **kwargs: Any) -> Pending[Schedule[Any]]: ...
    def schedule(
        self, times: Times | Duration, fn: Callable[..., Any] | str, /, *args: Any, **kwargs: Any
    ) -> Pending[Schedule[Any]]:
        """The handle of a schedule that calls `fn` again and again, once the server has it.

        It is kept in the server, and workers make its jobs: this process need not live on. A schedule of the same name
        is replaced; where its times are the same it goes on where it is.

        Args:
            times: when: `Cron(...)`, `Every(...)`, a cron expression, seconds, a timedelta, or text such as "15min".
            fn: any function, or the name of one that is registered on the workers.
            args: its positional arguments.
            kwargs: its keyword arguments.
        """
        here = session()
        draft = draft_schedule(times, draft_one(here.settings, fn, args, kwargs, self._given, is_later=True))
        accepted = here.promise(lambda link: keep(link, draft))
        found: Schedule[Any] = Schedule(draft.name, of=here, accepted=accepted)
        return Pending(accepted, lambda _: found, what=f"scheduling {draft.name}")

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._given.items())
        return f"options({given})"

    def _may_join(self, fn: Callable[..., Any] | str) -> bool:
        """Whether the server may give another job than the one that is submitted."""
        asked = {**(fn.options if isinstance(fn, Task) else {}), **self._given}
        return any(asked.get(name) is not None for name in ("unique", "cache"))

    def _submitted(self, fn: Callable[..., Any] | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Job[Any]:
        if self._given.get("batch", 1) > 1:
            raise ConfigurationError(
                f"batch={self._given['batch']} cannot be used with submit or run, which make one job: use submit_map."
            )
        here = session()
        draft = draft_one(here.settings, fn, args, kwargs, self._given, naming=here.naming, sharing=here.shares)
        order, told = sending.begin(draft.order, 1, draft.job_id)
        draft = draft if order is draft.order else replace(draft, order=order)
        kept = draft if draft.whole_size <= KEPT_BYTES else None
        accepted = here.promise(lambda link: deliver_in_turn(link, draft))
        told(accepted)
        name = draft.order.options.label or draft.order.function
        job: Job[Any] = Job(draft.job_id, name=name, of=here, draft=kept, accepted=accepted)
        tell_when_ended(here, accepted, lambda: [standing_for(job, accepted.result())], draft.order.options.on_done)
        return job


def options(
    *,
    queue: str | None = None,
    priority: str | int | None = None,
    delay: Duration | None = None,
    at: datetime | None = None,
    expires: Duration | None = None,
    timeout: Duration | None = None,
    grace: Duration | None = None,
    retry: RetryPolicy | int | None = None,
    job_id: str | None = None,
    run_in: RunIn | None = None,
    isolation: Isolation | None = None,
    memory: str | int | None = None,
    keep_result: Duration | None = None,
    keep_error: Duration | None = None,
    tags: Sequence[str] | None = None,
    label: str | None = None,
    resources: Mapping[str, float] | None = None,
    labels: Sequence[str] | None = None,
    limit_key: str | None = None,
    rate: str | None = None,
    concurrency: int | None = None,
    unique: Duration | None = None,
    debounce: Duration | None = None,
    cache: Duration | None = None,
    force: bool | None = None,
    after: Sequence[Job[Any] | JobGroup[Any] | str] | None = None,
    on_parent_failure: OnParentFailure | None = None,
    batch: int | None = None,
    preset: Preset | None = None,
    on_done: OnDone | Sequence[OnDone] | None = None,
    **unknown: Never,
) -> Submitter:
    """What submits with these options.

    `await options(queue="nightly", timeout="10min").submit(solve, 3)`. Lengths of time are seconds, timedeltas, or text
    such as "90s", "5min", "1h 30min" or "7d".

    Args:
        queue: which queue; "default" if not given.
        priority: "high", "normal", "low", or an integer from -99 to 99 (more is sooner).
        delay: seconds before it may start, on the server's clock.
        at: the moment from which it may start, an aware datetime; wins over `delay`.
        expires: do not start later than this many seconds after submit.
        timeout: seconds of running time.
        grace: seconds before the limit at which the code is asked to stop: min(grace, timeout / 4); 2 if not given.
        retry: a RetryPolicy, or an integer: tries in all.
        job_id: your own id; the second submit of an id gives the first's job.
        run_in: "process" (sync functions), "async" (coroutine functions) or "thread".
        isolation: "pool" (recycled processes) or "fresh" (a new one).
        memory: what its processes may use, for example "2GB".
        keep_result: seconds for which the result is kept; 24 h if not given.
        keep_error: the same for an error.
        tags: texts to find it by.
        label: what its card shows.
        resources: what a worker must have free for it, for example {"gpu": 1}.
        labels: what it must have that is not used up, for example ["gpu", "site=berlin"].
        limit_key: what rate and concurrency count by; the function if not given.
        rate: starts in a time over all workers: "20/min", "5/s", "60/min burst 5".
        concurrency: how many run at once over all workers.
        unique: seconds in which the same function and arguments give the same job.
        debounce: seconds to wait; another job of the same function and arguments meanwhile takes its place.
        cache: seconds for which the result of the same function and arguments is taken, or the run in flight joined.
        force: True makes a new job where unique or cache would give another's.
        after: jobs and groups (or their ids) that must end first.
        on_parent_failure: when one of those does not succeed: "fail", "skip" (it ends as cancelled) or "run".
        batch: items of a submit_map that one job takes.
        preset: "solver" or "evaluation": options that fit such work, where none are given.
        on_done: a callable of this process that is called with the Job when it has ended, or the URL of a webhook that
            workers then call, or a list of these.
        unknown: what is none of these is refused.
    """
    given = {name: value for name, value in locals().items() if name != "unknown"}
    check(**unknown)  # says which options there are
    return Submitter(given)


def _iterated(given: Iterable[Any]) -> Iterator[Any]:
    if not any(hasattr(type(given), name) for name in ("__iter__", "__getitem__")):
        raise ConfigurationError(
            f"submit_map cannot go over {type(given).__name__} {ascii(given)[:60]}: give an iterable for each argument "
            "of the function, as in submit_map(fn, [1, 2, 3])."
        )
    return iter(given)


async def _delivered(link: Link, here: Session, drafts: Drafts) -> list[Job[Any]]:
    """The handles of jobs, or of those that stand for them, once the server has accepted all."""
    name = drafts.order.options.label or drafts.order.function
    members: list[Job[Any]] = []
    for draft, answer in zip(drafts, await deliver_all_in_turn(link, drafts), strict=True):
        members.append(standing_for(Job(draft.job_id, name=name, of=here, draft=draft), answer))
        if not len(members) % TURN_JOBS:
            await asyncio.sleep(0)
    return members


def standing_for(job: Job[Any], answer: str) -> Job[Any]:
    """The job that was submitted, or the one that stands for it."""
    other = same_as(answer)
    return Job(other, name=job.label, of=job.session) if other else job


_PLAIN = Submitter()
submit = _PLAIN.submit
run = _PLAIN.run
submit_map = _PLAIN.submit_map
schedule = _PLAIN.schedule
