"""`submit`, `run` and `submit_map`, plain or with options."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar, overload

from nbqueue.client import hooks
from nbqueue.client.delivery import deliver, deliver_all
from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.client.submission import draft_many, draft_one
from nbqueue.model.options import Isolation, RunIn, check
from nbqueue.model.retry import RetryPolicy

P = ParamSpec("P")
T = TypeVar("T")

#: a handle keeps what it sent, for a retry, up to this size
KEPT_BYTES = 10_000_000


class Submitter:
    """Submits with the options it was made with; see `options()`."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self._given = {name: value for name, value in (given or {}).items() if value is not None}
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
        return Pending(job.accepted, lambda _: job, what=f"the submit of {job.label}")

    @overload
    def run(self, fn: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...
    @overload
    def run(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]: ...
    @overload
    def run(self, fn: str, /, *args: Any, **kwargs: Any) -> Pending[Any]: ...
    def run(self, fn: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> Pending[Any]:
        """The result of a new job that calls `fn`; its live card is shown meanwhile."""
        job = self._submitted(fn, args, kwargs)
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
        here = session()
        drafts = draft_many(here.settings, fn, zip(*iterables, strict=False), self._given, naming=here.naming)
        accepted = here.call(lambda link: deliver_all(link, drafts))
        name = drafts[0].order.function if drafts else ""
        members: list[Job[Any]] = [
            Job(draft.job_id, name=draft.order.options.label or name, of=here, draft=draft, accepted=accepted)
            for draft in drafts
        ]
        group: JobGroup[Any] = JobGroup(
            drafts[0].order.group if drafts else "", members, of=here, name=name, accepted=accepted
        )
        return Pending(accepted, lambda _: group, what=f"the submit of {len(drafts):,} jobs")

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._given.items())
        return f"options({given})"

    def _submitted(self, fn: Callable[..., Any] | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Job[Any]:
        here = session()
        draft = draft_one(here.settings, fn, args, kwargs, self._given, naming=here.naming)
        kept = draft if len(draft.payload) <= KEPT_BYTES else None
        accepted = here.call(lambda link: deliver(link, draft))
        name = draft.order.options.label or draft.order.function
        return Job(draft.job_id, name=name, of=here, draft=kept, accepted=accepted)


def options(
    *,
    queue: str | None = None,
    priority: str | int | None = None,
    delay: float | timedelta | None = None,
    at: datetime | None = None,
    expires: float | timedelta | None = None,
    timeout: float | timedelta | None = None,
    grace: float | timedelta | None = None,
    retry: RetryPolicy | int | None = None,
    job_id: str | None = None,
    run_in: RunIn | None = None,
    isolation: Isolation | None = None,
    memory: str | int | None = None,
    keep_result: float | timedelta | None = None,
    keep_error: float | timedelta | None = None,
    tags: Sequence[str] | None = None,
    label: str | None = None,
) -> Submitter:
    """What submits with these options.

    `await options(queue="nightly", timeout=60).submit(solve, 3)`

    Args:
        queue: which queue; "default" if not given.
        priority: "high", "normal", "low", or an integer from -99 to 99 (more is sooner).
        delay: seconds (or a timedelta) before it may start, on the server's clock.
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
    """
    return Submitter(dict(locals()))


_PLAIN = Submitter()
submit = _PLAIN.submit
run = _PLAIN.run
submit_map = _PLAIN.submit_map
