"""Child processes for user code: begin a run, stop it, learn how it ended. The engine's only door to them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence

from nbqueue.children import child_frames
from nbqueue.children.frames import Header
from nbqueue.children.host import Host, Told
from nbqueue.children.lanes import Lane, LoopLane, SoloLane
from nbqueue.children.learned import Learned
from nbqueue.children.nurseries import IDLE_S, PATIENCE_S, Nurseries
from nbqueue.children.running import Careful, Finish, Listener, Run, RunEnd, Running
from nbqueue.model.outcome import Died, StopReason

_log = logging.getLogger("nbqueue.worker")
#: seconds before a child that there was no room for is tried again
_BEAR_AGAIN_S = 0.5

__all__ = ["Children", "Listener", "Run", "RunEnd", "Running"]


class Children:
    """All children of one engine. Everything happens on the loop it was started on."""

    def __init__(
        self,
        listener: Listener,
        *,
        slots: int | None = None,
        loop_slots: int = 100,
        modules: Sequence[str] = (),
        recycle_after: int = 500,
        result_limit_bytes: int = 100_000_000,
        idle_s: float = IDLE_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Args: how many runs at once; what is imported first; how long families' zygotes stay, and are waited for."""
        self._listener = Careful(listener)
        self._slots = slots or os.cpu_count() or 1
        self._loop_slots = loop_slots
        self._modules = modules
        self._recycle_after = recycle_after
        self._limit_bytes = result_limit_bytes
        self._idle_s, self._patience_s = idle_s, patience_s
        self._learned = Learned()
        self._numbers = 0
        self._running: dict[int, Running] = {}
        self._again: asyncio.TimerHandle | None = None
        self._closed = False

    async def start(self) -> None:
        """Start the zygote and the first children; does not wait until they are up."""
        self._loop = asyncio.get_running_loop()
        self._nurseries = Nurseries(self._loop, self._modules, idle_s=self._idle_s, patience_s=self._patience_s)
        solo = SoloLane(self._bear, self._slots, self._recycle_after)
        loop = LoopLane(self._bear, self._loop_slots, self._loop.time)
        threads = LoopLane(self._bear, self._loop_slots, self._loop.time)
        self._lanes: dict[str, Lane] = {"process": solo, "async": loop, "thread": threads}
        self._nurseries.start()
        solo.warm()
        loop.warm()

    async def close(self) -> None:
        """Kill what is left, and wait until nothing is."""
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        for running in list(self._running.values()):
            running.stopped_by = running.stopped_by or "shutdown"
            running.finish(Died(signal=9), collateral=True)
        await self._nurseries.close()

    def begin(self, run: Run) -> Running:
        """Start a run, or let it wait for a slot."""
        running = Running(run, self._next_number(), self._loop)
        running.on_stop = self._withdraw
        running.on_end = self._over
        if family := self._learned.of(run.function, run.family):
            running.family = self._nurseries.family_of(family)
        self._running[running.number] = running
        self._lanes[run.run_in].place(running)
        return running

    def rest(self, running: Running) -> None:
        """A run waits for jobs of its own: others may have its slot meanwhile."""
        if running.number in self._running:
            lane = self._lanes[running.run.run_in]
            lane.rest(running)
            lane.freed()

    def back(self, running: Running) -> None:
        """It goes on."""
        self._lanes[running.run.run_in].back(running)

    @property
    def zygote_pids(self) -> dict[str, int | None]:
        """The processes that fork the children, by their families, for those who watch; the plain one's is empty."""
        return self._nurseries.pids

    def _bear(self, kind: str, family: str) -> Host | None:
        try:
            host = self._new_host(kind, family)
        except OSError as error:  # out of descriptors: runs wait until there are some
            if self._again is None:
                _log.warning("There is no room for another child process (%s); trying again.", error)
                self._again = self._loop.call_later(_BEAR_AGAIN_S, self._try_again)
            return None
        self._nurseries.bear(host)
        return host

    def _new_host(self, kind: str, family: str) -> Host:
        return Host(
            self._loop,
            self._listener,
            Told(ended=self._ended, died=self._died, hasten=self._nurseries.hasten),
            kind=kind,
            number=self._next_number(),
            family=family,
            limit_bytes=self._limit_bytes,
        )

    def _withdraw(self, running: Running, reason: StopReason) -> None:
        """Stop a run that has no child yet."""
        if self._lanes[running.run.run_in].withdraw(running):
            running.stopped_by = reason
            running.finish(Died())

    def _ended(self, host: Host, running: Running, header: Header, finish: Finish) -> None:
        finish(collateral="loaded" in header and self._learn(host, running, header))
        lane = self._lanes[running.run.run_in]
        lane.ended(host, running, header)
        lane.freed()

    def _learn(self, host: Host, running: Running, header: Header) -> bool:
        """Remember what a child has loaded, and whose code did it, where that can be told.

        True where it was refused a library for what the run did not load itself: another child will do, once. It goes
        back to the engine for that, which has its inputs, what it kept and what it asked for.
        """
        had, run = host.loaded, running.run
        host.loaded = self._nurseries.besides(child_frames.loaded(header))
        if header.get("refused"):
            is_news = self._learned.refuse(run.function, run.family)
            misplaced = bool(had) or (is_news and bool(host.runs))
            return misplaced and running.stopped_by is None and not running.over_limit
        if not host.runs:
            self._learned.learn(run.function, run.family, host.loaded - had)
        return False

    def _died(self, host: Host, again: list[Running]) -> None:
        if self._closed:
            return
        for lane in self._lanes.values():
            lane.died(host)
        for running in again:
            running.on_stop = self._withdraw
            self._lanes[running.run.run_in].place(running)
        self._freed()

    def _try_again(self) -> None:
        self._again = None
        self._freed()

    def _freed(self) -> None:
        if not self._closed:
            for lane in self._lanes.values():
                lane.freed()

    def _over(self, running: Running) -> None:
        self._running.pop(running.number, None)
        self.back(running)

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers
