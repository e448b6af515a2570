"""Holding the leases of engines, and reaping those of engines that are gone."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from nbqueue.broker import claims, queues, scripts
from nbqueue.broker.connection import explain
from nbqueue.broker.keys import Keys
from nbqueue.errors import AccessDenied, StoreFull
from nbqueue.worker.machine import is_gone, machine_id

logger = logging.getLogger("nbqueue.worker")

RENEW_S = 1.0
REAP_S = 0.5
#: one line about a server that is away, at most this often
COMPLAIN_S = 5.0
#: a pass that is late by more than this has slept, and with it perhaps the whole machine
SLEPT_S = 2.0


class Leases:
    """Renews the leases of the engines that are alive; gives back the jobs of dead ones."""

    def __init__(self, client: Any, keys: Keys, alive: Callable[[], Sequence[str]]) -> None:
        self._client, self._keys, self._alive = client, keys, alive
        self._machine = machine_id()
        self._connected_since: float | None = None
        self._complained_at = -COMPLAIN_S
        self._known: dict[str, queues.EngineInfo] = {}
        self._passed_at = (time.time(), time.monotonic())
        self._renewed_at = -math.inf
        #: what the server last said where it refuses us; empty: it does not
        self.refusal = ""

    @property
    def are_kept(self) -> bool:
        """Whether the server has renewed them so lately that they hold, and answered since."""
        return time.monotonic() - self._renewed_at < claims.LEASE_S

    async def begin(self, engine: str) -> None:
        """Open an engine's lease."""
        await scripts.run(self._client, claims.lease(self._keys, [engine], begin=True))

    async def keep(self) -> None:
        """Renew and reap until cancelled, through any trouble with the server."""
        loop = asyncio.get_running_loop()
        renew_at = 0.0
        while True:
            if self._has_slept():
                renew_at, self._connected_since = 0.0, None
            try:
                if loop.time() >= renew_at:
                    renew_at = loop.time() + RENEW_S
                    await self._renew()
                await self._reap_when_due(loop.time())
            except scripts.TROUBLE as error:
                self._trouble(loop.time(), error)
            except Exception:
                # the jobs of all engines hang on the next pass
                logger.exception("A look at the leases failed.")
            await asyncio.sleep(REAP_S)

    async def give_back(self, dead: Sequence[str], *, charged: bool, guilty: str) -> int:
        """Give back the jobs of engines known to be dead; how many. `guilty`: the job that was at fault, if known."""
        call = claims.reap(self._keys, dead, charged=charged, ended=False, guilty=guilty)
        return await scripts.run(self._client, call)

    async def _renew(self) -> None:
        engines = list(self._alive())
        if not engines:
            return
        renewed = await scripts.run(self._client, claims.lease(self._keys, engines))
        self._renewed_at, self.refusal = time.monotonic(), ""
        lost = [engine for engine, kept in zip(engines, renewed, strict=True) if not kept]
        if lost:
            logger.warning("The lease of %s was lost; it starts anew.", ", ".join(lost))
            await scripts.run(self._client, claims.lease(self._keys, lost, begin=True))

    async def _reap_when_due(self, now: float) -> None:
        """Let leases end only after their length of steady connection: everybody must be able to renew first."""
        if self._connected_since is None:
            self._connected_since = now
            return
        dead = await self._dead_here()
        steady = now - self._connected_since >= claims.LEASE_S
        if dead or steady:
            returned = await scripts.run(self._client, claims.reap(self._keys, dead, ended=steady))
            if returned:
                logger.warning("Gave back %d jobs of engines that were lost.", returned)

    async def _dead_here(self) -> list[str]:
        """Engines of this machine whose process is gone: no need to wait for their lease."""
        leases = await self._client.zrange(self._keys.leases, 0, -1)
        found = {item.decode() for item in leases if item.isascii()}
        own = set(self._alive())
        if found - own - self._known.keys():
            listed = await queues.engines(self._client, self._keys, lapsed=True)
            self._known = {info.id: info for info in listed if info.pid}
        others = (self._known.get(engine) for engine in found - own)
        return [
            info.id
            for info in others
            if info is not None and info.machine == self._machine and is_gone(info.pid, info.started_at)
        ]

    def _has_slept(self) -> bool:
        """Whether much time has passed since the last call, on the clock that goes on while a machine sleeps or not."""
        before, self._passed_at = self._passed_at, (time.time(), time.monotonic())
        return max(now - then for now, then in zip(self._passed_at, before, strict=True)) > SLEPT_S

    def _trouble(self, now: float, error: BaseException) -> None:
        self._connected_since = None
        # whoever asks is to hear of it before the leases end
        self._renewed_at = -math.inf
        told = explain(error, "the server")
        self.refusal = str(told) if isinstance(told, AccessDenied | StoreFull) else ""
        if now - self._complained_at >= COMPLAIN_S:
            self._complained_at = now
            logger.warning("Waiting for the server: %s", told)
