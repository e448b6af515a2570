"""Forgets what of the history is beyond its retention: one worker at a time, a little now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import Any

from nbqueue.broker import queues, retention, scripts
from nbqueue.broker.keys import Keys
from nbqueue.broker.memory import CALM, PRESSED, StoreMemory, memory
from nbqueue.model.retention import Retention

logger = logging.getLogger("nbqueue.worker")

#: how often the history is looked at, by whichever worker is first
PRUNE_S = 10.0
#: how soon what had to be kept is looked at again
AGAIN_S = 600.0
#: calls in a row for one queue where the server is nearly full: then it is looked at again how full it is
CALLS = 20


class Pruning:
    """One engine's readiness to forget."""

    def __init__(self, client: Any, keys: Keys, engine: str, *, is_archived: bool = False) -> None:
        """Args: `is_archived`: whether it is known that somebody archives, also before they could say so."""
        self._client, self._keys, self._engine = client, keys, engine
        #: queue and whether the server was nearly full -> entry up to which all that is there had to be kept
        self._looked_to: dict[tuple[str, bool], str] = {}
        self._is_archived = is_archived
        self._began = time.monotonic()
        self._is_warned = False

    async def serve(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                if await retention.is_my_turn(self._client, self._keys, self._engine, length_s=PRUNE_S):
                    await self._look()
            except scripts.TROUBLE as error:
                logger.debug("Cannot look what of the history is to be forgotten: %s", error)
            except Exception:
                # nothing that somebody wrote into the server ends a worker
                logger.exception("What of the history is to be forgotten cannot be looked at.")
            await asyncio.sleep(PRUNE_S)

    async def _look(self) -> None:
        found = await memory(self._client)
        self._warn(found)
        is_pressed = found is not None and found.is_limited and found.share >= PRESSED
        if not is_pressed and (self._is_archived or await retention.is_archived(self._client, self._keys)):
            return
        if time.monotonic() > self._began + AGAIN_S:
            self._looked_to, self._began = {}, time.monotonic()
        settings = await retention.settings(self._client, self._keys)
        for queue in await queues.names(self._client, self._keys):
            wanted = settings.get(queue, Retention())
            if is_pressed:
                wanted = replace(wanted, attempts=0)
            forgotten = await self._prune(queue, wanted, is_pressed=is_pressed)
            if is_pressed and forgotten:
                logger.warning("%s attempts of queue %s were forgotten: the server is nearly full.", forgotten, queue)

    async def _prune(self, queue: str, wanted: Retention, *, is_pressed: bool) -> int:
        """Forget what is over; how many attempts."""
        calls, attempts, place = 0, 0, (queue, is_pressed)
        while not (is_pressed and calls >= CALLS):
            after = self._looked_to.get(place, "")
            found = await scripts.run(self._client, retention.prune(self._keys, queue, wanted, after=after))
            attempts += found.attempts
            if not found.last:
                break
            self._looked_to[place] = found.last
            calls += 1
        return attempts

    def _warn(self, found: StoreMemory | None) -> None:
        """Say once that the server gets full, and again when it does so after it was well below that."""
        warning = found.warning if found else ""
        if warning and not self._is_warned:
            logger.warning("%s", warning)
        near = found is not None and found.is_limited and found.share > CALM
        self._is_warned = bool(warning) or (self._is_warned and near)
