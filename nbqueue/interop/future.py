"""`JobFuture`: the `concurrent.futures.Future` of one job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import suppress
from threading import RLock
from typing import Any, TypeVar

from nbqueue.client.ended import Ended
from nbqueue.client.endings import withdraw
from nbqueue.client.handle import Job
from nbqueue.client.resting import rest
from nbqueue.client.session import Session
from nbqueue.client.telling import call_back
from nbqueue.errors import JobCancelled, JobFailed, NbqueueError
from nbqueue.model.states import State

T = TypeVar("T")

#: what the log says where callbacks cannot be called; what they raise is told as the standard library does
_FAILED = "The callbacks of %r could not be called."


class RemoteTraceback(Exception):
    """Where it happened on the worker, as text; the cause of an error that a future raises."""

    def __str__(self) -> str:
        return f'\n"""\n{str(self.args[0]).rstrip()}\n"""'


class JobFuture(Future[T]):
    """A future whose call is a job: it is done when the job has ended, and cancelled when the job was."""

    def __init__(self, handle: Callable[[], Job[T]]) -> None:
        """Args: what gives the job's handle, once its submit is done."""
        super().__init__()
        self._handle = handle
        #: held by who ends it: its job's end and a cancel may come at once
        self._ending = RLock()
        self._callbacks: list[Callable[[Future[T]], object]] = []

    @property
    def job(self) -> Job[T]:
        """The handle of its job, once the server has accepted it. Raises what kept it from being accepted."""
        return self._handle()

    def __await__(self) -> Generator[Any, None, T]:
        """The same as `await asyncio.wrap_future(future)`."""
        return asyncio.wrap_future(self).__await__()

    def cancel(self) -> bool:
        """Take the job off the queue; False where it runs already, or has ended.

        A job that runs is stopped by `future.job.cancel()`.
        """
        cancel_waiting([self])
        return self.cancelled()

    def running(self) -> bool:
        """Whether the job runs now; the server is asked."""
        return not self.done() and self.job.state().wait() is State.RUNNING

    def result(self, timeout: float | None = None) -> T:
        """The value, or the error that the function raised. In a job its slot is given to others meanwhile."""
        return super().result(self._rested(timeout))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """The error that the function raised, or None."""
        return super().exception(self._rested(timeout))

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        """Call `fn` with this once it is done, in a thread where it may wait for others; here where it is done already.

        In the order in which they are added. What one raises is logged.
        """
        with self._ending:
            if not self.done():
                self._callbacks.append(fn)
                return
        super().add_done_callback(fn)

    def take(self, job: Job[T], ended: Ended) -> None:
        """Be done, as the job has ended."""
        try:
            value = job.value(ended)
        except JobCancelled:
            self._end_with(self._cancelled)
        except BaseException as error:  # noqa: BLE001 - whoever waits has it
            self.fail(original(error))
        else:
            self._end_with(lambda: self.set_result(value))

    def fail(self, error: BaseException) -> None:
        """Be done with an error, unless it is done."""
        self._end_with(lambda: self.set_exception(error))

    def withdrawn(self) -> None:
        """Be cancelled, as the job is, and tell those who wait; unless it is done. Callbacks are called here."""
        self._call(self._ended(self._cancelled))

    def _end_with(self, end: Callable[[], object]) -> None:
        """Be done, unless it is, and call back: other futures are made done meanwhile, whatever callbacks wait for."""
        if found := self._ended(end):
            call_back(lambda _: self._call(found), self, _FAILED)

    def _ended(self, end: Callable[[], object]) -> list[Callable[[Future[T]], object]]:
        """Be done, unless it is; the callbacks that are to be called."""
        with self._ending:
            if not self.done():
                end()
            found, self._callbacks = self._callbacks, []
            return found

    def _call(self, callbacks: Iterable[Callable[[Future[T]], object]]) -> None:
        for fn in callbacks:
            super().add_done_callback(fn)  # it is done: this calls, and logs what is raised

    def _cancelled(self) -> None:
        if super().cancel():
            self.set_running_or_notify_cancel()

    def _rested(self, timeout: float | None) -> float | None:
        """What is left of the time after a job has waited with its slot given back; elsewhere all of it."""
        begun = time.monotonic()
        rest(self, timeout)
        return None if timeout is None else max(0.0, timeout - (time.monotonic() - begun))


def cancel_waiting(futures: Iterable[JobFuture[Any]]) -> None:
    """Take the jobs of those futures off the queue that have not begun."""
    for session, found in _open(futures).items():
        gone = session.begin(lambda link: withdraw(link, list(found)), what="taking jobs off the queue").wait()  # noqa: B023
        for future in (each for job_id in gone for each in found[job_id]):
            future.withdrawn()


def stop(futures: Iterable[JobFuture[Any]]) -> None:
    """Cancel the jobs of all these, those that run too; nobody waits for their ends."""
    for session, found in _open(futures).items():
        session.begin(lambda link: link.cancel(list(found)), what="cancelling jobs")  # noqa: B023


def original(error: BaseException) -> BaseException:
    """The error that the function raised, where it can be rebuilt; its cause is the traceback on the worker."""
    found = error.__cause__ if isinstance(error, JobFailed) else None
    if found is None or not isinstance(error, JobFailed):
        return error
    found.__cause__ = RemoteTraceback(error.remote_traceback)
    return found


def _open(futures: Iterable[JobFuture[Any]]) -> dict[Session, dict[str, list[JobFuture[Any]]]]:
    """Those that are not done, by their sessions and the ids of their jobs; those that were not accepted have none."""
    found: dict[Session, dict[str, list[JobFuture[Any]]]] = {}
    for future in futures:
        with suppress(NbqueueError):  # told by the future itself
            if not future.done():
                job = future.job
                found.setdefault(job.session, {}).setdefault(job.id, []).append(future)
    return found
