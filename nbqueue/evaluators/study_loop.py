"""The trials of a study as jobs: begun, watched, told, and none left running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

from nbqueue.errors import JobCancelled, JobError, JobFailed, JobLost
from nbqueue.evaluators.heartbeat import beating
from nbqueue.evaluators.left_trials import TOLD_S
from nbqueue.evaluators.notice import Notice, end_words, short_name
from nbqueue.evaluators.running_trial import RunningTrial, TrialEnd
from nbqueue.evaluators.told_study import ToldStudy
from nbqueue.evaluators.trial_failure import carried, so_far
from nbqueue.evaluators.trial_parcel import Report
from nbqueue.evaluators.trial_run import run_trial
from nbqueue.inside import progress, report
from nbqueue.model.events import Progressed
from nbqueue.model.job import JobRecord
from nbqueue.model.submitting import Waited, door

T = TypeVar("T")
log = logging.getLogger("nbqueue")

#: seconds that a job that is being sent gets until it can be cancelled
_ACCEPTED_S = 5.0
#: seconds in which the server says what the trials had found that are left
_FOUND_S = 1.0


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


class StudyLoop:
    """Goes on until enough trials are over."""

    def __init__(self, study: Any, objective: Callable[[Any], Any], wanted: Wanted) -> None:
        self.study = study
        #: the study's name as people read it
        self.name = short_name(study.study_name)
        self._told = ToldStudy(study, is_alone=wanted.concurrency == 1)
        self._objective = objective
        self._wanted = wanted
        self._running: dict[asyncio.Task[TrialEnd], RunningTrial] = {}
        self._begun = self._taken = self._over = self._pruned = self._failed = 0
        #: why it came to no good end
        self._ending = ""
        self._notice = Notice()
        self._began = monotonic()
        self._told.begin()

    async def run(self) -> Any:
        """The study, after its trials."""
        self._began = monotonic()
        with self._told.looping(), beating(self._told.owned, self._trials):
            try:
                await self._take_over()
                await self._go_on()
            except BaseException as error:
                self._ending = end_words(error)
                raise
            finally:
                await self._leave_none()
                self._show()
        return self.study

    def stop(self) -> None:
        """Begin no further trial."""
        self._told.stop()

    @property
    def words(self) -> str:
        """How far it is."""
        best, total = self._told.best, self._total
        parts = [f"{self._over:,}{'' if total is None else f' of {total:,}'} trials"]
        parts += [f"{count:,} {word}" for word, count in (("pruned", self._pruned), ("failed", self._failed)) if count]
        parts += [] if best is None else [f"best {best:.6g}"]
        parts += [self._ending] if self._ending else []
        return ", ".join(parts)

    @property
    def _total(self) -> int | None:
        """Trials that are to be over, those that were taken over among them."""
        wanted = self._wanted.n_trials
        return None if wanted is None else wanted + self._taken

    def _trials(self) -> list[Any]:
        """Those that run; asked from any thread."""
        return [each.trial for each in tuple(self._running.values())]

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
        self._told.owned.fail_silent()
        trial, job_id, parcel = self._told.ask()
        try:
            options = {"label": f"{self.name} trial {trial.number}", **self._wanted.options, "job_id": job_id}
            sending = asyncio.ensure_future(
                _awaited(door().options(options).submit(run_trial, parcel, self._objective))
            )
        except BaseException:
            self._told.fail(trial)
            raise
        try:
            self._watch(RunningTrial(trial=trial, job=await asyncio.shield(sending)))
            self._begun += 1
        except BaseException:
            self._told.fail(trial)
            with contextlib.suppress(Exception):  # it may be there all the same, and nobody would wait for it
                (await asyncio.wait_for(sending, _ACCEPTED_S)).cancel()
            raise

    async def _take_over(self) -> None:
        """Go on with trials that run for a process that is gone; those whose jobs are gone too have failed.

        A process of another machine is gone where the job of its trial has ended a while ago, and it has not said so.
        """
        for left in self._told.owned.found():
            try:
                job = await door().attach(left.job_id)
                if not left.is_gone and not _ended_before(await job.info(), TOLD_S):
                    continue
            except JobLost:
                if left.is_gone or left.is_old:
                    self._told.fail(left.trial)
                continue
            self._told.owned.own(left.trial, left.job_id)
            self._watch(RunningTrial(trial=left.trial, job=job))
            self._taken += 1
        self._told.owned.fail_silent()

    def _watch(self, each: RunningTrial) -> None:
        self._running[asyncio.ensure_future(self._followed(each))] = each

    async def _followed(self, each: RunningTrial) -> TrialEnd:
        """What came of a trial."""
        watching = asyncio.ensure_future(self._prune_live(each)) if self._told.prunes_live else None
        try:
            return TrialEnd(report=await each.job)
        except JobError as error:
            return await self._without_end(each, error)
        finally:
            if watching is not None:
                watching.cancel()
                (ended,) = await asyncio.gather(watching, return_exceptions=True)
                if isinstance(ended, Exception):
                    log.warning("Trial %s is pruned by its own process alone.", each.trial.number, exc_info=ended)

    async def _without_end(self, each: RunningTrial, error: JobError) -> TrialEnd:
        """What is known of a trial that came to no end of its own."""
        if isinstance(error, JobCancelled) and isinstance(error.partial, Report):
            return TrialEnd(report=error.partial)
        found = carried(error.__cause__) if isinstance(error, JobFailed) else None
        if found is not None:
            return TrialEnd(report=found, error=error)
        known = await so_far(each.job.id)
        if isinstance(error, JobCancelled) and each.is_pruned:
            return TrialEnd(report=known, is_lost=True)
        return TrialEnd(report=known, error=error, is_lost=True)

    async def _prune_live(self, each: RunningTrial) -> None:
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

    def _end(self, task: asyncio.Task[TrialEnd]) -> JobError | None:
        """Tell the study of a trial that is over; the error that is to end all, if it came to one."""
        each = self._running.pop(task)
        try:
            found = task.result()
            self._tell_study(each, found)
        except BaseException:
            self._told.fail(each.trial)
            raise
        self._over += 1
        state = self._told.state(each.trial)
        self._pruned += state == "PRUNED"
        self._failed += state == "FAIL"
        self._tell()
        self._told.call(self._wanted.callbacks, each.trial)
        error = found.error
        return error if isinstance(error, JobFailed) and not isinstance(error.__cause__, self._wanted.catch) else None

    def _tell_study(self, each: RunningTrial, found: TrialEnd) -> None:
        if found.error is not None:
            (self._told.lose if found.is_lost else self._told.fail)(each.trial, found.report)
        elif found.is_lost or found.report is None:
            self._told.prune(each.trial, found.report)
        else:
            self._told.tell(each.trial, found.report)

    async def _leave_none(self) -> None:
        """Cancel the trials that run, and have them failed in the study, with what they had found."""
        left = dict(self._running)
        self._running.clear()
        for task, each in left.items():
            task.cancel()
            task.add_done_callback(_nobody_asks)
            each.job.cancel()
        asking = {asyncio.ensure_future(so_far(each.job.id)): each for each in left.values()}
        try:
            if asking:
                await asyncio.wait(asking, timeout=_FOUND_S)
        finally:
            for asked, each in asking.items():
                self._told.fail(each.trial, asked.result() if asked.done() and not asked.cancelled() else None)
                asked.cancel()
                self._over += 1
                self._failed += 1

    def _tell(self) -> None:
        """Say how far it is: below the cell, in a terminal, or on the card of the job that this runs in."""
        best = self._told.best
        progress(self._over, self._total)
        if best is not None:
            report(best=best)
        self._show()

    def _show(self) -> None:
        """The line below the cell."""
        self._notice.tell(self._over, self._total, f"{self.name}: {self.words}")


def _ended_before(record: JobRecord, seconds: float) -> bool:
    ended = record.finished_at
    return record.state.is_final and ended is not None and datetime.now(UTC) - ended >= timedelta(seconds=seconds)


async def _awaited(found: Waited[T]) -> T:
    return await found


def _nobody_asks(task: asyncio.Task[Any]) -> None:
    """Whatever it ended in, it is known."""
    if not task.cancelled():
        task.exception()
