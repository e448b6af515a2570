"""`Executor`: a `concurrent.futures.Executor` whose calls are jobs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import Executor as StandardExecutor
from contextlib import suppress
from functools import partial
from itertools import chain
from threading import Lock
from typing import Any, ParamSpec, TypeVar, Unpack

from nbqueue.client import hooks, portal
from nbqueue.client.pending import Pending
from nbqueue.client.submitter import Submitter
from nbqueue.errors import ConfigurationError, NbqueueError
from nbqueue.inside.batches import of_items
from nbqueue.interop.future import JobFuture, cancel_waiting
from nbqueue.interop.initializing import InitializerFailed, initializer_of
from nbqueue.interop.submitted import Submitted
from nbqueue.model.job_options import JobOptions, given_options
from nbqueue.model.names import new_job_id

P = ParamSpec("P")
T = TypeVar("T")


class Executor(StandardExecutor):
    """A `concurrent.futures.Executor` whose calls are jobs, run by the workers.

    Futures raise the function's own error, with the traceback of the worker as its cause; `future.job` is the handle.
    The end of the process waits for what is not done, as with the executors of the standard library, unless
    `shutdown(wait=False)` was called: jobs then go on without it.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: Sequence[Any] = (),
        **given: Unpack[JobOptions],
    ) -> None:
        """Args as those of ProcessPoolExecutor, and options of jobs.

        Args:
            max_workers: how many of its jobs run at once, over all workers; None: as many as workers have slots.
            initializer: called once in each process that runs its jobs, before the first of them.
            initargs: the arguments of that.
            given: options of each job, as `nbqueue.options` has them: queue=, priority=, timeout=, retry= ...

        Raises:
            ValueError: max_workers is not above 0.
            ConfigurationError: an option is not known, or cannot be used.
        """
        self._given = _given_with(max_workers, given_options(given, "Executor", of=Executor.__init__))
        self._options = Submitter(self._given)
        self._initializer = initializer_of(initializer, initargs)
        self._lock = Lock()
        self._open: set[JobFuture[Any]] = set()
        self._shut = False
        self._broken = ""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> JobFuture[T]:
        """A future of a new job that calls `fn`; what cannot be sent is told by the future.

        Raises:
            RuntimeError: the executor was shut down.
            BrokenExecutor: its initializer has failed.
        """
        self._check()
        code = self._prepared(fn)
        return self._followed(lambda: self._options.submit(code, *args, **kwargs), 1)[0]

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """The results in the order of the items, as they come; all jobs are submitted at once.

        Args:
            fn: takes an item of each iterable.
            iterables: the items.
            timeout: seconds from this call after which a result that is not there raises TimeoutError.
            chunksize: items that one job takes.
            buffersize: as in Python 3.14; it bounds nothing here, as jobs wait in the server.
        """
        del buffersize
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        self._check()
        ends_at = None if timeout is None else time.monotonic() + timeout
        items = list(zip(*iterables, strict=False))
        futures = self._submitted_one_by_one(fn, items, chunksize) or self._submitted(fn, items, chunksize)
        found = _results(futures, ends_at)
        return chain.from_iterable(found) if chunksize > 1 else found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - its name
        """Take no more calls.

        Args:
            wait: return once all jobs have ended; False: they go on, also after this process.
            cancel_futures: take the jobs off the queue that have not begun.
        """
        with self._lock:
            self._shut = True
        if cancel_futures:
            cancel_waiting(self.open)
        for future in self.open:
            if wait:
                with suppress(CancelledError):
                    future.exception()
            else:
                portal.release(future)

    @property
    def open(self) -> tuple[JobFuture[Any], ...]:
        """The futures that are not done."""
        with self._lock:
            return tuple(self._open)

    def _check(self) -> None:
        if self._broken:
            raise InitializerFailed(self._broken)
        if self._shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if portal.is_ending():
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    def _prepared(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        return fn if self._initializer is None or isinstance(fn, str) else self._initializer.before(fn)

    def _submitted(self, fn: Callable[..., Any], items: Sequence[tuple[Any, ...]], size: int) -> list[JobFuture[Any]]:
        """The futures of jobs that are submitted together."""
        if not items:
            return []
        code = self._prepared(fn)
        together = Submitter({**self._given, "batch": size})
        return self._followed(lambda: together.submit_map(code, *zip(*items, strict=True)), -(-len(items) // size))

    def _submitted_one_by_one(
        self, fn: Callable[..., Any], items: Sequence[tuple[Any, ...]], size: int
    ) -> list[JobFuture[Any]]:
        """The same by `submit`, where somebody has put another in its place, as tqdm does to count; else none."""
        if "submit" not in vars(self):
            return []
        if size == 1:
            return [self.submit(fn, *item) for item in items]
        code = of_items(fn)
        return [self.submit(code, items[start : start + size]) for start in range(0, len(items), size)]

    def _followed(self, submit: Callable[[], Pending[Any]], count: int) -> list[JobFuture[Any]]:
        """The futures of jobs whose submit begins here."""
        try:
            submitted = Submitted(submit())
        except NbqueueError as error:
            submitted = Submitted(error)
        futures = [JobFuture[Any](partial(submitted.job, number)) for number in range(count)]
        with self._lock:
            self._open.update(futures)
        in_a_job = hooks.line() is not None
        for future in futures:
            if not in_a_job:  # the end of a job's process waits for nothing that the job has left behind
                portal.promise(future)
            Future.add_done_callback(future, self._done)  # at once, where callbacks of the user's come after
        submitted.tell(lambda number, *end: futures[number].take(*end), lambda error: _fail_all(futures, error))
        return futures

    def _done(self, future: Future[Any]) -> None:
        with self._lock:
            self._open.discard(future)
        if not future.cancelled() and isinstance(error := future.exception(0), InitializerFailed):
            self._broken = str(error)


def _given_with(max_workers: int | None, given: dict[str, Any]) -> dict[str, Any]:
    """The options of each job: how many run at once is a limit that all workers keep together."""
    if max_workers is None:
        return given
    if max_workers <= 0:
        raise ValueError("max_workers must be greater than 0")
    if "concurrency" in given:
        raise ConfigurationError("max_workers and concurrency cannot be given together: both say how many run at once.")
    return {"limit_key": f"executor-{new_job_id()}", **given, "concurrency": max_workers}


def _fail_all(futures: Sequence[JobFuture[Any]], error: BaseException) -> None:
    for future in futures:
        future.fail(error)


def _results(futures: Sequence[JobFuture[Any]], ends_at: float | None) -> Iterator[Any]:
    """Each result in turn; when nobody takes more, what has not begun leaves the queue."""
    waiting = deque(futures)
    try:
        while waiting:
            left = None if ends_at is None else ends_at - time.monotonic()
            yield _first(waiting, left)
    finally:
        cancel_waiting(waiting)


def _first(waiting: deque[JobFuture[Any]], timeout: float | None) -> Any:
    """The result of the first one, which waits no more once it is there."""
    found = waiting[0].result(timeout)
    waiting.popleft()
    return found
