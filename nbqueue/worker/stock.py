"""arq's worker on our engine: a stock `WorkerSettings` runs on it unchanged, stock clients notice only the speed."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import secrets
from signal import Signals
from typing import Any

import arq.worker
from arq.connections import create_pool, log_redis_info
from arq.constants import keep_cronjob_progress

from nbqueue.broker import connection, scripts
from nbqueue.broker.claims import Claim
from nbqueue.broker.keys import Keys
from nbqueue.errors import NotInJob
from nbqueue.model.states import State
from nbqueue.worker import stock_job
from nbqueue.worker.aborts import Aborts
from nbqueue.worker.stock_engine import StockEngine
from nbqueue.worker.stock_record import StockJob, failed

logger = logging.getLogger("arq.worker")

#: in burst mode the end is to be seen at once
BURST_POLL_S = 0.005
#: a poll delay of nothing would leave the loop no time
LEAST_POLL_S = 0.01
#: where none is asked for: stock clients give no wake-up call, and looking costs us little
POLL_S = 0.05
RECONNECT_S = 1.0
#: how often a worker that ends looks for what began meanwhile
LOOK_S = 0.05


class Worker(arq.worker.Worker):
    """Takes arq's own arguments; claims in batches, wakes without polling, loses nothing with a lost worker."""

    __signature__ = inspect.signature(arq.worker.Worker)

    def __init__(self, *args: Any, engine_id: str = "", supervisor: int = 0, **kwargs: Any) -> None:
        """Beside arq's own arguments: the name and the process id under which a supervisor keeps its lease."""
        super().__init__(*args, **kwargs)
        self._poll_s = max(self.poll_delay_s, LEAST_POLL_S) if "poll_delay" in kwargs else POLL_S
        self.keys = Keys()
        self.engine_id = engine_id or f"arq-{os.getpid()}-{secrets.token_hex(4)}"
        self._supervisor, self._keeps_own_lease = supervisor, not engine_id
        self._engine: StockEngine | None = None
        self._aborts: Aborts | None = None
        self._fences: dict[str, int] = {}
        self._after: set[asyncio.Task[Any]] = set()
        #: tasks that were cancelled because the worker ends
        self._cancelled: set[asyncio.Task[Any]] = set()
        self._in_trouble = False
        #: whether the log shows arguments: these may be secret
        self.log_arguments = False
        #: whether a signal has ended it: what ran is cancelled, and the log has it
        self._was_told = False

    # arq's own methods, replaced

    async def main(self) -> None:
        """Serve until cancelled; with `burst` until nothing is left."""
        await self._connect()
        logger.info("Starting worker for %d functions: %s", len(self.functions), ", ".join(self.functions))
        with contextlib.suppress(*scripts.TROUBLE):
            await log_redis_info(self.pool, logger.info)
        self.ctx["redis"] = self.pool
        if self.on_startup:
            await self.on_startup(self.ctx)
        engine = await self._start_engine()
        try:
            await self._serve(engine)
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        finally:
            engine.drain()
        await engine.stop()

    async def close(self) -> None:
        """Let what was cancelled go back to the queue, then close as arq does."""
        if self._engine is not None:
            self._engine.drain()  # or it would claim again what it gives back
        if not self._handle_signals:
            self._cancel_new() if self._was_told else self.handle_sig(Signals.SIGUSR1)
        if not self._pool:
            return
        while running := {task for task in self.tasks.values() if not task.done()} - self._after:
            await asyncio.wait(running, timeout=LOOK_S)
            # a claim was on its way: what came with it goes back like the others
            self._cancel_new()
        if self._engine is not None and not await self._engine.stop():
            for task in self._after:
                task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        with contextlib.suppress(*scripts.TROUBLE):
            await self.pool.delete(self.health_check_key)
        await stock_job.call_hook(self.on_shutdown, self.ctx)
        await self.pool.aclose(close_connection_pool=True)
        self._pool = None

    def handle_sig(self, signum: Signals) -> None:
        """Cancel what runs, as arq does."""
        self._was_told = True
        super().handle_sig(signum)
        self._cancelled |= set(self.tasks.values())

    def handle_sig_wait_for_completion(self, signum: Signals) -> None:
        """Claim no more at once, then wait as arq does."""
        if self._engine is not None:
            self._engine.drain()
        super().handle_sig_wait_for_completion(signum)

    def _cancel_new(self) -> None:
        for task in set(self.tasks.values()) - self._cancelled - self._after:
            task.cancel()
        self._cancelled |= set(self.tasks.values())

    # what the engine asks of a runner

    def begin(self, claim: Claim) -> int:
        """Start a claim as a task."""
        self._fences[claim.job_id] = claim.fence
        self.tasks[claim.job_id] = asyncio.create_task(self._attempt(self.engine, claim))
        return 0

    def stop(self, job_id: str, reason: str) -> None:
        """Cancel a running job."""
        task = self.job_tasks.get(job_id)
        if task is not None:
            if reason == "cancel":
                self.aborting_tasks.add(job_id)
            task.cancel()

    def running(self) -> dict[str, int]:
        """The jobs under way, with their fences."""
        return dict(self._fences)

    @property
    def completion_wait_s(self) -> float:
        """Seconds that running jobs get to end once the worker is told to stop."""
        return float(self._job_completion_wait)

    # what an attempt asks of its worker

    @property
    def engine(self) -> StockEngine:
        """The engine under this worker, while it runs."""
        if self._engine is None:
            raise NotInJob("This worker has not been started: call run() or async_run().")
        return self._engine

    async def is_aborted(self, job_id: str) -> bool:
        """Whether a stock client asked to abort a job that has not started."""
        return self.allow_abort_jobs and self._aborts is not None and await self._aborts.takes(job_id)

    async def _attempt(self, engine: StockEngine, claim: Claim) -> None:
        """Run a claim to its end, whatever happens, and hand the end to the engine."""
        job = StockJob.of(claim)
        try:
            try:
                await self._run(job)
            finally:
                self._fences.pop(claim.job_id, None)
                self.aborting_tasks.discard(claim.job_id)
                engine.end(job.finish)
            await self._after_end(engine, job)
        finally:
            if self.tasks.get(claim.job_id) is asyncio.current_task():
                del self.tasks[claim.job_id]

    async def _run(self, job: StockJob) -> None:
        try:
            await stock_job.attempt(self, job)
            if job.is_cron and not job.function.job_id and job.finish.state.is_final:
                # a worker that is late may enqueue this tick again
                await self.engine.client.set(self.keys.tick(job.claim.job_id), b"1", ex=keep_cronjob_progress)
        except scripts.TROUBLE as error:
            logger.warning("a tick of %s is not guarded: %s", job.ref, error)
        except Exception as error:
            about = job.told("ended", State.FAILED, error)
            logger.exception("job %s cannot be handled", ascii(job.claim.job_id), extra=about)
            self.jobs_failed += 1
            job.end = failed(self, job, error)

    async def _after_end(self, engine: StockEngine, job: StockJob) -> None:
        """What follows when the server has the end."""
        is_tick = job.is_cron and job.finish.state.is_final
        task = asyncio.current_task()
        if task is None or job.ctx is None or not (self.after_job_end or is_tick):
            return
        self._after.add(task)
        try:
            await engine.recorded(job.finish)
            if is_tick:
                with contextlib.suppress(*scripts.TROUBLE):
                    await self.engine.client.set(
                        self.keys.in_progress(job.claim.job_id), b"1", ex=keep_cronjob_progress
                    )
            await stock_job.call_hook(self.after_job_end, job.ctx)
        finally:
            self._after.discard(task)

    # the time between start and end

    async def _connect(self) -> None:
        """Reach the server: a worker that is to stay waits for it as long as it takes."""
        while self._pool is None:
            try:
                self._pool = await create_pool(
                    self.redis_settings, job_deserializer=self.job_deserializer, job_serializer=self.job_serializer,
                    default_queue_name=self.queue_name, expires_extra_ms=self.expires_extra_ms,
                )  # fmt: skip
            except scripts.TROUBLE as error:
                if self.burst or not connection.is_connection_error(error):
                    raise
                logger.warning("Waiting for the server: %s", connection.explain(error, "the server"))
                await asyncio.sleep(RECONNECT_S)

    async def _start_engine(self) -> StockEngine:
        self._engine = engine = StockEngine(
            self.pool, self.keys, self.engine_id, self, supervisor=self._supervisor,
            queue=self.queue_name, slots=self.max_jobs,
            functions=tuple(self.functions), most_claims=self.max_burst_jobs if self.burst else -1,
            poll_s=BURST_POLL_S if self.burst else self._poll_s,
            lease_patience_s=self.in_progress_timeout_s if self._keeps_own_lease else None,
        )  # fmt: skip
        self._aborts = Aborts(engine.client, self.keys)
        await engine.start()
        return engine

    async def _serve(self, engine: StockEngine) -> None:
        while True:
            await self._tend(engine)
            engine.check()
            if self.burst and await self._is_burst_over(engine):
                return
            await asyncio.sleep(BURST_POLL_S if self.burst else max(self.poll_delay_s, LEAST_POLL_S))

    async def _tend(self, engine: StockEngine) -> None:
        """What arq does at each poll, besides looking for jobs; a tick that could not be enqueued comes again."""
        if not self.allow_pick_jobs:
            engine.drain()
        ticks = [(cron, cron.next_run) for cron in self.cron_jobs]
        try:
            await self.heart_beat()
            if self.allow_abort_jobs:
                await self._cancel_aborted_jobs()
            self._in_trouble = False
        except Exception as error:
            for cron, next_run in ticks:
                cron.next_run = next_run
            if not isinstance(error, scripts.TROUBLE):
                logger.exception("The heart beat failed.")
            elif not self._in_trouble:
                logger.warning("Waiting for the server: %s", connection.explain(error, "the server"))
            self._in_trouble = True

    async def _cancel_aborted_jobs(self) -> None:
        """Cancel the running jobs that stock clients asked to abort; forget marks nobody needs."""
        if self._aborts is None:
            return
        aborted = await self._aborts.marked() & self.job_tasks.keys()
        if aborted:
            self.aborting_tasks.update(aborted)
            for job_id in aborted:
                self.job_tasks[job_id].cancel()
            await self._aborts.take(aborted)

    async def _is_burst_over(self, engine: StockEngine) -> bool:
        """Whether all is done: what runs, here or elsewhere, is in the queue until its end is recorded."""
        try:
            over = 0 <= self.max_burst_jobs <= self._jobs_started() or not await self.pool.zcard(self.queue_name)
        except scripts.TROUBLE:
            return False
        if over:
            engine.drain()
            await engine.settled()
        return over
