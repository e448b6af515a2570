"""The joblib backend: each batch of calls of a `joblib.Parallel` is a job."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Unpack

from joblib.parallel import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    register_parallel_backend,
)

from nbqueue.client.queue import Queue
from nbqueue.client.resting import resting
from nbqueue.errors import NotInJob
from nbqueue.inside.asking import cpus
from nbqueue.interop.batch import Batch
from nbqueue.interop.executor import Executor
from nbqueue.interop.future import JobFuture, stop
from nbqueue.model.job_options import JobOptions, given_options

NAME = "nbqueue"
#: calls under way at least: where one slot is all there is, the next call waits in the queue already
LEAST_JOBS = 2


class JobsBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """Runs batches of calls as jobs; options of jobs are keywords of `parallel_config(backend="nbqueue", ...)`."""

    default_n_jobs = -1
    supports_retrieve_callback = True
    supports_sharedmem = False
    uses_threads = False

    def __init__(
        self, nesting_level: int | None = None, inner_max_num_threads: int | None = None, **given: Unpack[JobOptions]
    ) -> None:
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._given = given_options(given, "The joblib backend of nbqueue")
        self._executor: Executor | None = None
        #: calls that may run at once; None: as many as workers have slots
        self._most: int | None = None
        Executor(**given)  # says at once what is wrong with an option

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many calls run at once: below 0 the slots of the workers, and as of `n_jobs=-2` one less.

        Where work is to go to the queue this is 2 at least, as joblib runs it here where it is 1.
        """
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        return n_jobs if n_jobs > 0 else max(LEAST_JOBS, slots(self._given.get("queue", "default")) + 1 + n_jobs)

    def configure(self, n_jobs: int | None = 1, parallel: Any = None, **unused: Any) -> int:
        """Get ready for a `Parallel`, whose number of jobs this gives; with one job it runs here."""
        found = self.effective_n_jobs(n_jobs)
        if found == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        del unused  # of backends that have folders and memory maps
        self.parallel = parallel
        # an option that says the same wins: it may bound several of these together
        self._most = n_jobs if n_jobs is not None and n_jobs > 0 and "concurrency" not in self._given else None
        return found

    def submit(self, func: Any, callback: Callable[[Any], object] | None = None) -> JobFuture[list[Any]]:
        """A future of a job that makes the calls of a batch."""
        future = self._current().submit(Batch(func))
        if callback is not None:
            future.add_done_callback(callback)
        return future

    #: the name of `submit` before joblib 1.5
    apply_async = submit

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """The results of a batch, or the error of one of its calls."""
        return out.result()

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: FBT001, FBT002 - joblib's signature
        """Take off the queue what has not begun, and stop what runs."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)
            stop(executor.open)
        del ensure_ready  # it always is

    def terminate(self) -> None:
        """Nothing more is to be submitted."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)
        self.reset_batch_stats()

    def get_nested_backend(self) -> tuple[Any, None]:
        """Calls within a job run one after another: it must not wait for slots that jobs like itself have."""
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None

    def retrieval_context(self) -> AbstractContextManager[None]:
        """Of a job that calls `Parallel` itself, give the slot to others while it waits."""
        return resting()

    def _current(self) -> Executor:
        """The executor of the `Parallel` under way."""
        if self._executor is None:
            self._executor = Executor(self._most, **self._given)
        return self._executor


def slots(queue: str) -> int:
    """The slots of the workers that serve a queue; where there are none (yet), or in a job, those of this machine."""
    try:
        workers = Queue(queue).workers().wait()
    except NotInJob:
        return cpus()
    return sum(worker.slots for worker in workers) or cpus()


def register() -> None:
    """Let joblib know the backend: `parallel_config(backend="nbqueue")`."""
    register_parallel_backend(NAME, JobsBackend)
