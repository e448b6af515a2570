"""How often one of many engines does what any of them may do: many ask a server little more than a few do."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import Any

from nbqueue.broker import scripts
from nbqueue.broker.keys import Keys

#: as many engines as each do such a duty as often as one alone would
FEW = 4
#: no engine leaves out more than this many turns, however many there are: the others may all be gone
MOST = 5.0
#: how often the engines are counted
COUNT_S = 5.0


class Rota:
    """One engine's turns at the duties that all engines of a namespace share."""

    def __init__(self, client: Any, keys: Keys, *, chance: Random | None = None) -> None:
        self._client, self._leases = client, keys.leases
        self._chance = chance or Random()  # noqa: S311 - it only spreads out turns
        #: engines that hold a lease
        self.engines = 1

    def pause_s(self, each_s: float) -> float:
        """Seconds until the next turn at a duty that one engine alone does every `each_s` seconds."""
        turns = min(self.engines / FEW, MOST)
        return each_s if turns <= 1 else each_s * turns * self._chance.uniform(0.75, 1.25)

    async def watch(self, *, each_s: float = COUNT_S) -> None:
        """Count the engines, every `each_s` seconds until cancelled."""
        while True:
            with contextlib.suppress(*scripts.TROUBLE):
                self.engines = await self._client.zcard(self._leases)
            await asyncio.sleep(each_s)
