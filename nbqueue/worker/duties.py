"""What an engine does beside its pump: wait for calls, publish, keep reports, obey stops, reconcile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nbqueue.broker import claims, jobs, reported, scripts
from nbqueue.broker.claims import Finish
from nbqueue.model.states import State
from nbqueue.worker.engine import Engine, QueueRef
from nbqueue.worker.reports import KEEP_S, PUBLISH_S
from nbqueue.worker.rota import Rota
from nbqueue.worker.wake import Waker

logger = logging.getLogger("nbqueue.worker")

#: the net under the wake-up calls
POLL_S = 1.0
RECONCILE_S = 2.0
#: how often jobs that expire are looked for, and how soon again where there were many
EXPIRE_S, EXPIRE_AGAIN_S = 0.5, 0.02
#: times in a row that a claim must be seen without a run before it is given back: its end may be under way
STRANGE_TIMES = 3


class Duties:
    """The tasks that keep an engine in touch with the server."""

    def __init__(
        self, engine: Engine, waiting_client: Any, *, poll_s: float = POLL_S,
        beside: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:  # fmt: skip
        self._engine = engine
        self._beside = beside
        self._poll_s = poll_s
        self._stop_called = asyncio.Event()
        self._rota = Rota(engine.client, engine.keys)
        self._waker = Waker(
            waiting_client, engine.keys, engine.id, [queue.name for queue in engine.queues],
            listen=engine.listen, has_room=engine.has_room, on_work=engine.want_claims, on_stop=self._stop_called.set,
        )  # fmt: skip

    async def serve_also(self, queue: QueueRef) -> None:
        """Serve another queue."""
        self._engine.serve_also(queue)
        await self._waker.listen_also(queue.name)

    async def serve(self) -> None:
        """Do all of it until cancelled; none of it ends by itself, and where one does, all do.

        A task group would go on without a duty that code in the loop has cancelled.
        """
        duties = (self._engine.pump, self._waker.watch, self._poll, self._settle, self._expire, self._publish,
                  self._keep_reports, self._obey, self._reconcile, self._rota.watch, *self._beside)  # fmt: skip
        tasks = [asyncio.ensure_future(duty()) for duty in duties]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            self._engine.want_claims()
            await asyncio.sleep(self._poll_s)

    async def _settle(self) -> None:
        """Tell jobs of the ends they wait for: a net under what is told with those ends."""
        engine = self._engine
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rota.pause_s(self._poll_s)):
                    await engine.unsettled.wait()
            engine.unsettled.clear()
            try:
                if await scripts.run(engine.client, jobs.settle(engine.keys)):
                    engine.unsettled.set()
            except scripts.TROUBLE as error:
                logger.debug("Cannot tell jobs of the ends they wait for: %s", error)

    async def _expire(self) -> None:
        """End jobs that nobody started in time; where there are many, a few at once, as others use the server too."""
        engine, more = self._engine, False
        while True:
            await asyncio.sleep(EXPIRE_AGAIN_S if more else self._rota.pause_s(EXPIRE_S))
            try:
                more = await scripts.run(engine.client, claims.expire(engine.keys))
            except scripts.TROUBLE as error:
                logger.debug("Cannot end jobs that were not started in time: %s", error)

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(PUBLISH_S)
            messages = self._engine.reports.messages()
            if messages:
                await self._quietly([claims.publish(*message) for message in messages])

    async def _keep_reports(self) -> None:
        engine = self._engine
        while True:
            await asyncio.sleep(KEEP_S)
            if engine.reports.unsure and not await self._is_sure():
                continue
            reports = engine.reports.to_keep()
            if reports and not await self._quietly([claims.report(engine.keys, engine.id, reports)]):
                engine.reports.keep_again(reports)

    async def _is_sure(self) -> bool:
        """Ask how much of the logs the server has whose keeping got no answer: no line is kept twice."""
        engine, unsure = self._engine, self._engine.reports.unsure
        try:
            found = await reported.log_bytes(engine.client, engine.keys, unsure)
        except scripts.TROUBLE as error:
            logger.debug("How long logs are cannot be read: %s", error)
            return False
        engine.reports.has_kept(dict(zip(unsure, found, strict=True)))
        return True

    async def _quietly(self, calls: Sequence[scripts.Call[Any]]) -> bool:
        """Make calls whose failure costs only freshness; whether they went through."""
        try:
            replies = await scripts.run_all(self._engine.client, calls)
        except scripts.TROUBLE:
            return False
        return not any(isinstance(reply, Exception) for reply in replies)

    async def _obey(self) -> None:
        """Pass on what is to be stopped, again and again until it has ended."""
        engine = self._engine
        while True:
            # not asyncio.wait_for: before Python 3.12 it swallows a cancel that comes just as the wait ends
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._stop_called.wait()
            self._stop_called.clear()
            if not engine.busy:
                continue
            try:
                for job_id, reason in (await claims.stops(engine.client, engine.keys, engine.id)).items():
                    engine.runner.stop(job_id, reason)
            except scripts.TROUBLE as error:
                logger.debug("Cannot read what is to be stopped: %s", error)

    async def _reconcile(self) -> None:
        """Give back what the server thinks we run and we do not; stop what we run and no longer hold."""
        engine = self._engine
        strangers: Counter[tuple[str, int]] = Counter()
        while True:
            await asyncio.sleep(RECONCILE_S)
            before = engine.runner.running()
            try:
                held = await claims.held(engine.client, engine.keys, engine.id)
            except scripts.TROUBLE:
                continue
            running = engine.runner.running()
            for job_id in (before.keys() & running.keys()) - held.keys():
                logger.warning("Job %s was given to another worker; it is stopped here.", job_id)
                engine.runner.stop(job_id, "shutdown")
            unknown = [item for item in held.items() if item[0] not in before and item[0] not in running]
            strangers = Counter({item: strangers[item] + 1 for item in unknown if not engine.is_leaving(item[0])})
            lost = [item for item, seen in strangers.items() if seen > STRANGE_TIMES]
            if lost:
                ends = [Finish(job_id=job_id, fence=fence, state=State.QUEUED) for job_id, fence in lost]
                await self._quietly([claims.finish(engine.keys, engine.id, ends)])
