"""A joblib backend for searches: all fits of a round are one group of jobs, each known by what it computes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from joblib.parallel import ParallelBackendBase, SequentialBackend

from nbqueue.errors import JobCrashed, JobError, JobExpired, JobFailed, JobTimeout
from nbqueue.evaluators.cancelling import Cancelling
from nbqueue.evaluators.fits import FitFailed, fit
from nbqueue.model.submitting import Group, Handle, door

#: the function of scikit-learn that is worth a job; what else runs in parallel meanwhile is done here
WANTED = "_fit_and_score"
#: fits that joblib hands over before it waits for results: more than a round has
AHEAD = 100_000
#: arguments that change nothing in the result, and would make each call another one
IDLE = ("caller", "callback_ctx", "split_progress", "candidate_progress")
#: when a job started and ended, in an error that tells of it
_TIMES = re.compile(r" \((?:started|submitted|ended) [^()]*\)")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How one fit of a search went."""

    #: number of the candidate and of the split, from 0
    candidate: int
    split: int
    parameters: Mapping[str, Any]
    #: its job
    job_id: str
    #: why it has no score; empty: it has one
    error: str = ""


@dataclass(kw_only=True)
class Wanted:
    """A fit that joblib has asked for."""

    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    told: Callable[[Any], object] | None
    future: Future[list[Any]]

    def call(self) -> tuple[Any, ...]:
        """The arguments of its job: those of the fit that count, and first by what a person knows it."""
        kwargs = {name: value for name, value in self.kwargs.items() if name not in IDLE}
        parameters = kwargs.pop("parameters", None)
        function = getattr(self.function, "function", self.function)
        return (parameters, function, getattr(self.function, "config", {}), self.args, kwargs)

    def completed(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result of a fit that raised, with the estimator, not fitted, where it is asked for."""
        return {**result, "estimator": self.args[0]} if self.kwargs.get("return_estimator") else result

    def set(self, result: dict[str, Any]) -> None:
        """Tell joblib, and callbacks of the search that were set by the user."""
        context = self.kwargs.get("callback_ctx")
        if context is not None:
            context.call_on_fit_task_begin(estimator=self.kwargs.get("caller"))
            context.call_on_fit_task_end(estimator=self.kwargs.get("caller"))
        self.future.set_result([result])
        self.tell()

    def fail(self, error: BaseException) -> None:
        """Tell joblib that the search ends with an error."""
        self.future.set_exception(error)
        self.tell()

    def tell(self) -> None:
        """Call back."""
        if self.told is not None:
            self.told(self.future)


class FitBackend(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """Collects the calls of a `Parallel`, and runs them as a group of jobs when it begins to wait for them."""

    supports_retrieve_callback = True
    uses_threads = False
    supports_sharedmem = False
    default_n_jobs = AHEAD

    def __init__(self, options: Mapping[str, Any], label: str, cancelling: Cancelling) -> None:
        """Args: options of the jobs, what their card shows, and what has them cancelled."""
        super().__init__(nesting_level=0)
        self._options = options
        self._label = label
        self._cancelling = cancelling
        self._rounds = 0
        self._waiting: list[Wanted] = []
        #: called at the end of the `Parallel` that asks for the fits: what comes after it has another backend
        self.leave: Callable[[], object] = _nothing
        #: how the fits went, in the order in which they ended
        self.fits: list[Fit] = []

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """As many as there are: the workers say how many run at once."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        return AHEAD

    def submit(self, func: Any, callback: Callable[[Any], object] | None = None) -> Future[list[Any]]:
        """Remember a call; one that is no fit is made here."""
        future: Future[list[Any]] = Future()
        [(function, args, kwargs)] = func.items
        if getattr(function, "__name__", "") == WANTED:
            self._waiting.append(Wanted(function=function, args=args, kwargs=kwargs, told=callback, future=future))
        else:
            future.set_result(func())
            if callback is not None:
                callback(future)
        return future

    #: the name of `submit` before joblib 1.5
    apply_async = submit

    def retrieve_result_callback(self, out: Future[list[Any]]) -> list[Any]:
        """The results of a call, or its error."""
        return out.result()

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """Run what was collected; joblib then finds all results there."""
        while self._waiting:
            wanted, self._waiting = self._waiting, []
            self._run(wanted)
        yield

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: FBT001, FBT002 - joblib's signature
        """Ask for nothing more."""
        del ensure_ready
        self._waiting = []

    def terminate(self) -> None:
        """All fits were asked for: what is fitted now, as the best estimator is, has the backend of who called."""
        if self._rounds:
            self.leave()

    def get_nested_backend(self) -> tuple[Any, None]:
        """What is called within a call runs in order."""
        return SequentialBackend(nesting_level=1), None

    def _run(self, wanted: Sequence[Wanted]) -> None:
        """Run a round of fits as one group, and hand over each as it ends."""
        self._rounds += 1
        label = self._label if self._rounds == 1 else f"{self._label}, round {self._rounds}"
        submitting = door().options({"label": label, **self._options})
        group = submitting.submit_map(fit, *zip(*(each.call() for each in wanted), strict=True)).wait()
        self._cancelling.of(group)
        door().show(group)
        try:
            for number, handle in _as_completed(group):
                wanted[number].set(self._result(wanted[number], handle))
        except BaseException as error:  # noqa: BLE001 - joblib raises it
            group.cancel()
            for each in wanted:
                if not each.future.done():
                    each.fail(error)
                    break

    def _result(self, wanted: Wanted, handle: Handle[dict[str, Any]]) -> dict[str, Any]:
        """What scikit-learn is given for a fit that has ended; raises what ends the search."""
        error = ""
        try:
            result: dict[str, Any] = handle.wait()
        except JobFailed as failed:
            if not isinstance(failed.__cause__, FitFailed):
                failed.__traceback__ = None  # what counts is in it: the traceback of the job
                raise failed.__cause__ or failed from failed
            result, error = wanted.completed(failed.__cause__.result), str(failed.__cause__)
        except (JobTimeout, JobCrashed, JobExpired) as lost:
            if wanted.kwargs.get("error_score", "raise") == "raise":
                raise
            result, error = _without_score(wanted, _without_id(lost)), f"{type(lost).__name__}: {lost}"
        candidate, split = (wanted.kwargs.get(f"{name}_progress") or (0, 1) for name in ("candidate", "split"))
        self.fits.append(
            Fit(
                candidate=candidate[0], split=split[0], parameters=dict(wanted.kwargs.get("parameters") or {}),
                job_id=handle.id, error=error,
            )
        )  # fmt: skip
        return result


def _nothing() -> None:
    """Nobody wants to know."""


def _as_completed(group: Group[dict[str, Any]]) -> Iterator[tuple[int, Handle[dict[str, Any]]]]:
    """Number and handle of each fit as it ends; one job may stand for several that are the same."""
    numbers: dict[str, list[int]] = {}
    for number, handle in enumerate(group):
        numbers.setdefault(handle.id, []).append(number)
    for handle in group.as_completed():
        for number in numbers[handle.id]:
            yield number, handle


def _without_id(lost: JobError) -> JobError:
    """The same of any job: scikit-learn tells errors once that say the same."""
    return type(lost)(_TIMES.sub("", str(lost)).replace(f"Job {lost.job_id}", "The job of the fit", 1))


def _without_score(wanted: Wanted, error: Exception) -> dict[str, Any]:
    """What scikit-learn itself makes of a fit that raises this."""

    def raising(*_: Any, **__: Any) -> None:
        raise error from None

    _, function, _, (estimator, *data), kwargs = wanted.call()
    estimator.fit = raising
    result: dict[str, Any] = function(estimator, *data, **kwargs, parameters=None)
    return result
