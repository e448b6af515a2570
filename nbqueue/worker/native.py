"""Runs signed jobs: registered coroutine functions in the engine's loop, all other code in children."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from nbqueue.broker import jobs, scripts
from nbqueue.broker.claims import TO_PROCESS_LANE_S, Claim, Finish
from nbqueue.broker.jobs import LANE_LOOP, LANE_PROCESS
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.children.running import Place, Running
from nbqueue.errors import NbqueueError
from nbqueue.inside.batches import of_items
from nbqueue.inside.pace import LoopTicker
from nbqueue.model.options import Options, RunIn, check
from nbqueue.model.outcome import Died, Returned
from nbqueue.model.states import State
from nbqueue.model.task import Task
from nbqueue.worker import provisions
from nbqueue.worker.attempt import Attempt, Here, open_attempt
from nbqueue.worker.desks import Desks
from nbqueue.worker.elsewhere import reason_of
from nbqueue.worker.life import Life
from nbqueue.worker.loop_run import LoopRun, unknown
from nbqueue.worker.runs import run_of
from nbqueue.worker.turned_away import TurnedAway, recorded
from nbqueue.worker.verdict import Ended

logger = logging.getLogger("nbqueue.worker")


class NativeRunner:
    """Begins claims, stops them, and hands their ends to the engine."""

    def __init__(
        self, here: Here, *, client: Any, children: Place, tasks: dict[str, Task[Any, Any]], listener: Any,
        on_stuck: Callable[[], None], desks: Desks,
    ) -> None:  # fmt: skip
        self._here, self._client, self._desks = here, client, desks
        self._children, self._tasks, self._listener = children, tasks, listener
        self._coroutines = {name: task.fn for name, task in tasks.items() if inspect.iscoroutinefunction(task.fn)}
        #: options that tasks were registered with
        self._defaults = {name: check(**task.options) for name, task in tasks.items() if task.options}
        self._on_stuck = on_stuck
        self._runs: dict[str, LoopRun | Running | None] = {}
        self._fences: dict[str, int] = {}
        self._stops: dict[str, str] = {}
        #: claims of jobs whose old run, lost while we stood still, is under way here
        self._later: dict[str, Claim] = {}
        self._asides: set[asyncio.Task[None]] = set()
        self._ticker = LoopTicker(asyncio.get_running_loop())
        self._turned_away = TurnedAway(here, client)
        #: what is left to others, for the engine's claims
        self.lacking = self._turned_away.lacking
        #: what is told besides
        self.life = Life()
        #: where ends go: the engine's `end`
        self.on_end: Callable[[Finish], None] = lambda _: None

    def begin(self, claim: Claim) -> int:
        """Start a claim; the lane it takes."""
        if claim.job_id in self._runs:
            return self._begin_later(claim)
        self._runs[claim.job_id] = None
        self._fences[claim.job_id] = claim.fence
        if claim.submission == b"":
            self._aside(self._begin_large(claim))
            return claim.lane
        return self._try(claim, lambda: self._begin(open_attempt(claim, self._here)))

    async def _begin_large(self, claim: Claim) -> None:
        """Read a large submission apart and verify it in a thread, so that others go on meanwhile."""
        try:
            submission = await jobs.submission(self._client, self._here.keys, claim.job_id)
        except scripts.TROUBLE as error:
            logger.warning("Job %s goes back, it cannot be read: %s", claim.job_id, error)
            self._finish(Finish(job_id=claim.job_id, fence=claim.fence, state=State.QUEUED))
            return
        claim = claim._replace(submission=submission)
        try:
            attempt = await asyncio.to_thread(open_attempt, claim, self._here)
        except Exception as error:  # noqa: BLE001 - as in `_try`
            await self._turn_away(claim, reason_of(claim, error))
            return
        self._try(claim, lambda: self._begin(attempt))

    def _try(self, claim: Claim, begin: Callable[[], int]) -> int:
        """Begin, or turn the claim away: a signed record of a shape we do not know must not end the worker."""
        try:
            return begin()
        except Exception as error:  # noqa: BLE001 - told of as the job's end
            self._aside(self._turn_away(claim, reason_of(claim, error)))
            return LANE_LOOP

    def _begin(self, attempt: Attempt) -> int:
        claim = attempt.claim
        self._listener.open(claim.job_id, claim.fence)
        if attempt.name:
            if attempt.name in self._defaults:
                attempt.options = Options.from_wire(attempt.header.get("opt", {}), self._defaults[attempt.name])
            function = self._coroutines.get(attempt.name)
            if function is not None:
                return self._begin_in_loop(attempt, of_items(function) if attempt.is_batch else function)
            if attempt.name not in self._tasks:
                raise unknown(attempt.name)
            if claim.lane == LANE_LOOP:
                return self._hand_over(claim)
        return self._begin_in_child(attempt)

    def _hand_over(self, claim: Claim) -> int:
        """Put back a function called by name that turned out to need a process: whoever has one free takes it."""
        again = Finish(job_id=claim.job_id, fence=claim.fence, state=State.QUEUED, delay_s=TO_PROCESS_LANE_S)
        asyncio.get_running_loop().call_soon(self._finish, again)
        return LANE_LOOP

    def stop(self, job_id: str, reason: str) -> None:
        """Ask a job to stop; asking again changes nothing."""
        run = self._runs.get(job_id)
        if reason == "cancel":
            self._desks.cancel(job_id)
        if run is not None:
            run.stop(reason)  # type: ignore[arg-type]
        elif job_id in self._runs:
            self._stops[job_id] = reason

    def stop_all(self, reason: str) -> None:
        """Ask all jobs to stop."""
        for job_id in list(self._runs):
            self.stop(job_id, reason)

    def running(self) -> dict[str, int]:
        """The jobs under way, with their fences."""
        return dict(self._fences)

    def _begin_later(self, claim: Claim) -> int:
        """Stop the old run of the same job; the claim begins when that has ended, never beside it."""
        logger.warning("Job %s was lost and came back; its old run is stopped here first.", ascii(claim.job_id))
        older = self._later.get(claim.job_id)
        if older is not None:
            stale = Finish(job_id=older.job_id, fence=older.fence, state=State.QUEUED)
            asyncio.get_running_loop().call_soon(self.on_end, stale)
        self._later[claim.job_id] = claim
        self.stop(claim.job_id, "shutdown")
        return LANE_LOOP

    def _begin_in_loop(self, attempt: Attempt, function: Callable[..., Any]) -> int:
        run = LoopRun(
            attempt, self._listener, self._loop_ended, self._loop_stuck, limit_bytes=self._here.limit_bytes,
            desks=self._desks,
        )  # fmt: skip
        if provisions.needs(attempt):
            self._aside(self._provided(attempt, lambda: self._start_in_loop(run, function)))
            return LANE_LOOP
        return self._start_in_loop(run, function)

    def _start_in_loop(self, run: LoopRun, function: Callable[..., Any]) -> int:
        self.life.begin(run.attempt)
        run.start(function, self._ticker, run.attempt.checkpoint)
        self._started(run.attempt, run)
        return LANE_LOOP

    def _loop_ended(self, run: LoopRun, ended: Ended) -> None:
        self._record(run.attempt, ended, {})

    def _loop_stuck(self, run: LoopRun) -> None:
        job_id = run.attempt.claim.job_id
        logger.error("Job %s does not stop when asked to; this engine makes room for another.", job_id)
        self._on_stuck()

    def _begin_in_child(self, attempt: Attempt) -> int:
        run_in = attempt.options.run_in or self._place_of(attempt)
        if provisions.needs(attempt):
            self._aside(self._provided(attempt, lambda: self._run_in_child(attempt, run_in)))
            return _lane(run_in)
        return self._run_in_child(attempt, run_in)

    def _place_of(self, attempt: Attempt) -> RunIn:
        # who submits by name cannot know what kind of function it is; coroutine functions are not begun here
        travels_async = not attempt.name and attempt.header.get("lane") == "loop"
        return "async" if travels_async else "process"

    def _run_in_child(self, attempt: Attempt, run_in: Any) -> int:
        self.life.begin(attempt)
        running = self._children.begin(run_of(attempt, run_in, cpus=self._here.cpus, blob_bytes=self._here.blob_bytes))
        self._desks.serve(attempt, running)
        attempt.inputs = {}  # the run holds them for as long as they are needed
        self._started(attempt, running)
        if running.ended.done():
            asyncio.get_running_loop().call_soon(self._child_ended, attempt, running)
        else:
            running.then = lambda running: self._child_ended(attempt, running)
        return _lane(run_in)

    def _child_ended(self, attempt: Attempt, running: Running) -> None:
        end = running.ended.result()
        ended = Ended(
            end=end.end,
            stopped_by=end.stopped_by,
            over_limit=end.over_limit,
            collateral=end.collateral,
            neighbours=end.neighbours,
            partial=end.partial,
        )
        self._record(attempt, ended, {"cpu_s": end.cpu_s, "peak_bytes": end.peak_memory_bytes})

    def _started(self, attempt: Attempt, run: LoopRun | Running) -> None:
        job_id = attempt.claim.job_id
        self._runs[job_id] = run
        reason = self._stops.pop(job_id, None)
        if reason is not None:
            asyncio.get_running_loop().call_soon(self.stop, job_id, reason)

    def _record(self, attempt: Attempt, ended: Ended, facts: dict[str, Any]) -> None:
        """Hand the end on; a large value is signed in a thread, so that others go on meanwhile."""
        progress = self._listener.last_progress(attempt.claim.job_id)
        if progress is not None:
            facts["progress"] = progress
        if isinstance(ended.end, Died):
            facts |= {"exit_code": ended.end.exit_code, "signal": ended.end.signal}
        if any(isinstance(each, Returned) and len(each.payload) > LARGE_BYTES for each in (ended.end, ended.partial)):
            self._aside(self._record_large(attempt, ended, facts))
        else:
            self._finish(recorded(attempt, ended, self._here, facts))

    async def _record_large(self, attempt: Attempt, ended: Ended, facts: dict[str, Any]) -> None:
        self._finish(await asyncio.to_thread(recorded, attempt, ended, self._here, facts))

    def _finish(self, finish: Finish) -> None:
        self._runs.pop(finish.job_id, None)
        self._fences.pop(finish.job_id, None)
        self._stops.pop(finish.job_id, None)
        self._desks.end(finish.job_id)
        self.life.end(finish)
        self.on_end(finish)
        claim = self._later.pop(finish.job_id, None)
        if claim is not None:
            asyncio.get_running_loop().call_soon(self.begin, claim)

    async def _provided(self, attempt: Attempt, begin: Callable[[], int]) -> None:
        """Begin once what the attempt needs beside its call was read, or end it where that cannot be had."""
        try:
            end = await provisions.provide(self._client, self._here, attempt)
        except Exception as error:  # noqa: BLE001 - as in `_try`
            await self._turn_away(attempt.claim, reason_of(attempt.claim, error))
            return
        if end is None:
            self._listener.log_goes_on(attempt.claim.job_id, attempt.logged_bytes)
            self._try(attempt.claim, begin)
        else:
            self._finish(end)

    async def _turn_away(self, claim: Claim, error: NbqueueError) -> None:
        self._finish(await self._turned_away.end_of(claim, error))

    def _aside(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)


def _lane(run_in: str) -> int:
    return LANE_PROCESS if run_in == "process" else LANE_LOOP
