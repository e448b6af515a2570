"""The trials of a study as jobs: begun, watched, told, and none left running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

from nbqueue.errors import JobCancelled, JobError, JobFailed, JobLost
from nbqueue.evaluators.notice import Notice
from nbqueue.evaluators.told_study import ToldStudy
from nbqueue.evaluators.trial_failure import carried
from nbqueue.evaluators.trial_parcel import Report
from nbqueue.evaluators.trial_run import run_trial
from nbqueue.inside import progress, report
from nbqueue.model.events import Progressed
from nbqueue.model.submitting import Handle, Waited, door

T = TypeVar("T")
log = logging.getLogger("nbqueue")

#: seconds that a job that is being sent gets until it can be cancelled
_ACCEPTED_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for."""

    #: None: as many as there is time for
    n_trials: int | None
    concurrency: int
    #: seconds after which no trial begins; None: no limit
    timeout_s: float | None
    #: errors that fail their trial alone
    catch: type[Exception] | tuple[type[Exception], ...]
    callbacks: Sequence[Callable[[Any, Any], object]]
    #: of the jobs
    options: Mapping[str, Any]


@dataclass(kw_only=True, eq=False)
class _Trial:
    """One trial under way."""

    #: optuna's
    trial: Any
    job: Handle[Report]
    #: whether the study's pruner has ended it
    is_pruned: bool = False
    #: steps whose values were seen
    steps: set[int] = field(default_factory=set)


class StudyLoop:
    """Goes on until enough trials are over."""

    def __init__(self, study: Any, objective: Callable[[Any], Any], wanted: Wanted) -> None:
        self._study = study
        self._told = ToldStudy(study, is_alone=wanted.concurrency == 1)
        self._objective = objective
        self._wanted = wanted
        self._running: dict[asyncio.Task[Report | None], _Trial] = {}
        self._begun = self._over = self._pruned = self._failed = 0
        self._notice = Notice()
        self._began = monotonic()

    async def run(self) -> Any:
        """The study, after its trials."""
        self._began = monotonic()
        with self._told.looping():
            try:
                await self._take_over()
                await self._go_on()
            finally:
                self._leave_none()
        return self._study

    async def _go_on(self) -> None:
        self._tell()
        while True:
            while self._may_begin():
                await self._begin()
            if not self._running:
                return
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            in_order = sorted(done, key=lambda each: int(self._running[each].trial.number))
            errors = [error for error in map(self._end, in_order) if error is not None]
            if errors:
                raise errors[0]

    def _may_begin(self) -> bool:
        wanted = self._wanted
        is_late = wanted.timeout_s is not None and monotonic() - self._began >= wanted.timeout_s
        is_enough = wanted.n_trials is not None and self._begun >= wanted.n_trials
        return not (is_late or is_enough or self._told.is_stopped or len(self._running) >= wanted.concurrency)

    async def _begin(self) -> None:
        trial, job_id, parcel = self._told.ask()
        try:
            label = f"{self._study.study_name} trial {trial.number}"[:200]
            options = {"label": label, **self._wanted.options, "job_id": job_id}
            sending = asyncio.ensure_future(
                _awaited(door().options(options).submit(run_trial, parcel, self._objective))
            )
        except BaseException:
            self._told.fail(trial)
            raise
        try:
            self._watch(_Trial(trial=trial, job=await asyncio.shield(sending)))
        except BaseException:
            self._told.fail(trial)
            with contextlib.suppress(Exception):  # it may be there all the same, and nobody would wait for it
                (await asyncio.wait_for(sending, _ACCEPTED_S)).cancel()
            raise

    async def _take_over(self) -> None:
        """Go on with trials that run for a process that is gone; those whose jobs are gone too have failed."""
        for trial, job_id in self._told.left():
            try:
                self._watch(_Trial(trial=trial, job=await door().attach(job_id)))
            except JobLost:
                self._told.fail(trial)

    def _watch(self, each: _Trial) -> None:
        self._begun += 1
        self._running[asyncio.ensure_future(self._followed(each))] = each

    async def _followed(self, each: _Trial) -> Report | None:
        """What came of a trial; None where it was ended before it could say."""
        watching = asyncio.ensure_future(self._prune_live(each)) if self._told.prunes_live else None
        try:
            return await each.job
        except JobCancelled as cancelled:
            if isinstance(cancelled.partial, Report):
                return cancelled.partial
            if each.is_pruned:
                return None
            raise
        finally:
            if watching is not None:
                watching.cancel()
                (ended,) = await asyncio.gather(watching, return_exceptions=True)
                if isinstance(ended, Exception):
                    log.warning("Trial %s is pruned by its own process alone.", each.trial.number, exc_info=ended)

    async def _prune_live(self, each: _Trial) -> None:
        """End a trial once the study's pruner, which knows the others, wants that where the trial asks for it."""
        async for event in each.job.events():
            if not isinstance(event, Progressed):
                continue
            found = event.progress.metrics
            step, value = found.get("step"), found.get("value")
            if not found.get("prunes") or not isinstance(step, int) or step in each.steps:
                continue
            each.steps.add(step)
            if value is not None and self._told.seen(each.trial, step, value):
                each.is_pruned = True
                await each.job.cancel()
                return

    def _end(self, task: asyncio.Task[Report | None]) -> JobError | None:
        """Tell the study of a trial that is over; the error that is to end all, if it came to one."""
        each = self._running.pop(task)
        error: JobError | None = None
        try:
            found = task.result()
            if found is None:
                self._told.prune(each.trial)
            else:
                self._told.tell(each.trial, found)
        except JobError as raised:
            error = self._fail(each, raised)
        except BaseException:
            self._told.fail(each.trial)
            raise
        self._over += 1
        state = self._told.state(each.trial)
        self._pruned += state == "PRUNED"
        self._failed += state == "FAIL"
        self._tell()
        self._told.call(self._wanted.callbacks, each.trial)
        return error

    def _fail(self, each: _Trial, raised: JobError) -> JobError | None:
        """Tell the study of a trial that came to no end of its own; the error, where that is to end all."""
        is_own = isinstance(raised, JobFailed)
        found = carried(raised.__cause__) if is_own else None
        if found is None:
            self._told.lose(each.trial)
        else:
            self._told.fail(each.trial, found)
        return raised if is_own and not isinstance(raised.__cause__, self._wanted.catch) else None

    def _leave_none(self) -> None:
        """Cancel the trials that run, and have them failed in the study."""
        for task, each in self._running.items():
            task.cancel()
            task.add_done_callback(_nobody_asks)
            each.job.cancel()
            self._told.fail(each.trial)
        self._running.clear()

    def _tell(self) -> None:
        """Say how far it is: below the cell, in a terminal, or on the card of the job that this runs in."""
        best, total = self._told.best, self._wanted.n_trials
        progress(self._over, total)
        if best is not None:
            report(best=best)
        parts = [f"{self._over:,}{'' if total is None else f' of {total:,}'} trials"]
        parts += [f"{count:,} {word}" for word, count in (("pruned", self._pruned), ("failed", self._failed)) if count]
        parts += [] if best is None else [f"best {best:.6g}"]
        self._notice.tell(self._over, total, f"{self._study.study_name}: {', '.join(parts)}")


async def _awaited(found: Waited[T]) -> T:
    return await found


def _nobody_asks(task: asyncio.Task[Any]) -> None:
    """Whatever it ended in, it is known."""
    if not task.cancelled():
        task.exception()
