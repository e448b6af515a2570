"""arq's worker on our engine: a stock `WorkerSettings` runs on it unchanged, and stock clients notice only the speed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import tempfile
from pathlib import Path
from signal import Signals
from typing import Any

import arq.worker
from arq.connections import create_pool, log_redis_info
from arq.constants import abort_jobs_ss
from arq.utils import timestamp_ms

from nbqueue.broker import claims, scripts
from nbqueue.broker.claims import Claim, Finish
from nbqueue.broker.keys import Keys
from nbqueue.errors import NotInJob
from nbqueue.model.states import State
from nbqueue.worker import stock_job
from nbqueue.worker.duties import Duties
from nbqueue.worker.engine import Engine, QueueRef
from nbqueue.worker.leases import Leases
from nbqueue.worker.outbox import Outbox
from nbqueue.worker.reports import Reports

logger = logging.getLogger("arq.worker")

#: seconds after which an abort nobody served is forgotten
ABORT_AGE_MS = 60_000


class Worker(arq.worker.Worker):
    """Takes arq's own arguments; claims in batches, wakes without polling, loses nothing with a lost worker."""

    def __init__(self, *args: Any, engine_id: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = Keys()
        self._engine_id = engine_id or f"arq-{os.getpid()}-{secrets.token_hex(4)}"
        self._keeps_own_lease = not engine_id
        self._engine: Engine | None = None
        self._duties: list[asyncio.Task[Any]] = []
        self._fences: dict[str, int] = {}

    # arq's own methods, replaced ------------------------------------------------------------------------------------

    async def main(self) -> None:
        """Serve until cancelled; with `burst` until nothing is left."""
        if self._pool is None:
            self._pool = await create_pool(
                self.redis_settings, job_deserializer=self.job_deserializer, job_serializer=self.job_serializer,
                default_queue_name=self.queue_name, expires_extra_ms=self.expires_extra_ms,
            )  # fmt: skip
        logger.info("Starting worker for %d functions: %s", len(self.functions), ", ".join(self.functions))
        await log_redis_info(self.pool, logger.info)
        self.ctx["redis"] = self.pool
        if self.on_startup:
            await self.on_startup(self.ctx)
        engine = self._start_engine()
        await scripts.run(self.pool, claims.lease(self.keys, [self._engine_id], begin=True))
        while not (self.burst and await self._is_burst_over(engine)):
            try:
                await self.heart_beat()
                if self.allow_abort_jobs:
                    await self._cancel_aborted_jobs()
            except scripts.TROUBLE as error:
                logger.warning("Waiting for the server: %s", type(error).__name__)
            if not self.allow_pick_jobs:
                engine.drain()
            await asyncio.sleep(0.005 if self.burst else self.poll_delay_s)

    async def close(self) -> None:
        """Let what was cancelled go back to the queue, then close as arq does."""
        engine = self._engine
        if not self._handle_signals:
            self.handle_sig(Signals.SIGUSR1)
        if engine is not None and self._pool:
            engine.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(engine.settled(), 5)
            for duty in self._duties:
                duty.cancel()
            await asyncio.gather(*self._duties, return_exceptions=True)
            if self._keeps_own_lease:
                with contextlib.suppress(*scripts.TROUBLE):
                    await scripts.run(self.pool, claims.reap(self.keys, [self._engine_id]))
        handles, self._handle_signals = self._handle_signals, True
        try:
            await super().close()
        finally:
            self._handle_signals = handles

    async def _cancel_aborted_jobs(self) -> None:
        """Cancel the running jobs that stock clients asked to abort; forget marks nobody needs."""
        async with self.pool.pipeline(transaction=True) as pipe:
            pipe.zrange(abort_jobs_ss, 0, -1)
            pipe.zremrangebyscore(abort_jobs_ss, "-inf", timestamp_ms() - ABORT_AGE_MS)
            marked, _ = await pipe.execute()
        aborted = {item.decode() for item in marked} & self.job_tasks.keys()
        for job_id in aborted:
            self.job_tasks[job_id].cancel()
        if aborted:
            self.aborting_tasks.update(aborted)
            await self.pool.zrem(abort_jobs_ss, *aborted)

    # what the engine asks of a runner -------------------------------------------------------------------------------

    def begin(self, claim: Claim) -> int:
        """Start a claim as a task."""
        self._fences[claim.job_id] = claim.fence
        task = self.loop.create_task(self._attempt(claim))
        self.tasks[claim.job_id] = task
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

    # what a job asks of the worker ----------------------------------------------------------------------------------

    async def is_aborted(self, job_id: str) -> bool:
        """Whether a stock client asked to abort a job that has not started."""
        return self.allow_abort_jobs and bool(await self.pool.zrem(abort_jobs_ss, job_id))

    async def _attempt(self, claim: Claim) -> None:
        engine = self.engine
        finish, ctx = Finish(job_id=claim.job_id, fence=claim.fence, state=State.QUEUED), None
        try:
            finish, ctx = await stock_job.attempt(self, claim)
        finally:
            self._fences.pop(claim.job_id, None)
            self.tasks.pop(claim.job_id, None)
            engine.end(finish)
        if ctx is not None and self.after_job_end:
            await engine.recorded(finish)
            await stock_job.call_hook(self.after_job_end, ctx)

    @property
    def engine(self) -> Engine:
        """The engine under this worker, once it runs."""
        if self._engine is None:
            raise NotInJob("This worker has not been started: call run() or async_run().")
        return self._engine

    def _start_engine(self) -> Engine:
        self._engine = Engine(
            client=self.pool, keys=self.keys, engine_id=self._engine_id,
            queues=[QueueRef(self.queue_name, self.queue_name, stock=True)], runner=self,
            outbox=Outbox(Path(tempfile.gettempdir())), reports=Reports(None, self.keys),
            loop_slots=self.max_jobs, process_slots=0, most_claims=self.max_burst_jobs if self.burst else -1,
        )  # fmt: skip
        self._duties = [self.loop.create_task(Duties(self._engine, self.pool, poll_s=self.poll_delay_s).serve())]
        if self._keeps_own_lease:
            leases = Leases(self.pool, self.keys, lambda: [self._engine_id])
            self._duties.append(self.loop.create_task(leases.keep()))
        return self._engine

    async def _is_burst_over(self, engine: Engine) -> bool:
        if 0 <= self.max_burst_jobs <= self._jobs_started():
            engine.drain()
            await engine.settled()
            return True
        return engine.is_exhausted and not await self.pool.zcard(self.queue_name)
