"""Looks at the alerts: one worker at a time, every few seconds, by the server's clock."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from nbqueue.broker import alerts, scripts
from nbqueue.broker.alerts import StoredAlert
from nbqueue.broker.keys import Keys
from nbqueue.model.alerting import Measure, judge

logger = logging.getLogger("nbqueue.worker")

#: how often the alerts are looked at, by whichever worker is first
LOOK_S = 2.0


class Lookout:
    """One engine's readiness to look."""

    def __init__(self, client: Any, keys: Keys, engine: str) -> None:
        self._client, self._keys, self._engine = client, keys, engine

    async def serve(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                if await alerts.is_my_turn(self._client, self._keys, self._engine, length_s=LOOK_S):
                    await self._look()
            except scripts.TROUBLE as error:
                logger.debug("Cannot look at the alerts: %s", error)
            except Exception:
                # neither an alert nor what somebody wrote into the server ends a worker
                logger.exception("The alerts cannot be looked at.")

    async def _look(self) -> None:
        found = await alerts.stored(self._client, self._keys)
        if not found:
            return
        names = sorted({alert.limits.queue for alert in found})
        measures = dict(zip(names, await scripts.run(self._client, alerts.measure(self._keys, names)), strict=True))
        memories = await alerts.memories(self._client, self._keys, [alert.id for alert in found])
        for alert, before in zip(found, memories, strict=True):
            await self._judge(alert, before, measures[alert.limits.queue])

    async def _judge(self, alert: StoredAlert, before: str, measure: Measure) -> None:
        memory, crossings = judge(alert.limits, alerts.remembered(before), measure)
        if alerts.written(memory) == before:
            return
        call = alerts.rise(self._keys, alert, before, memory, crossings)
        if await scripts.run(self._client, call):
            for crossing in crossings:
                logger.info(
                    "Alert on %s: %s is %g, %s the limit of %g.", crossing.queue, crossing.measure, crossing.value,
                    "over" if crossing.state == "firing" else "no longer over", crossing.limit,
                )  # fmt: skip
