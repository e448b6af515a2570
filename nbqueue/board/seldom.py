"""What is asked for every few seconds only: what costs much, and the numbers of queues that are not listed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from nbqueue.broker import overview
from nbqueue.broker.overview import Overview, QueueNow
from nbqueue.broker.queues import QueueStats
from nbqueue.client.link import Link
from nbqueue.model.alerting import Measure

#: seconds after which it is asked for again
STALE_S = 5.0


class Seldom:
    """What was asked for last."""

    def __init__(self) -> None:
        self._measures: Mapping[str, Measure] = {}
        self._rest: Mapping[str, QueueStats] = {}
        self._measured_at, self._counted_at = -STALE_S, -STALE_S

    async def read(self, link: Link, seen: Overview) -> None:
        """Ask for what is old, and for queues that are new."""
        wire, now = link.wire, time.monotonic()
        if now - self._measured_at > STALE_S or not all(map(self._is_measured, seen.queues)):
            names = [each.stats.name for each in seen.queues]
            self._measures = await wire.ask(lambda client: overview.measures(client, wire.keys, names))
            self._measured_at = now
        if now - self._counted_at > STALE_S or not self._rest.keys() >= set(seen.others):
            found = await wire.ask(lambda client: overview.rest(client, wire.keys, seen.others))
            self._rest = {each.name: each for each in found}
            self._counted_at = now

    def oldest_s(self, queue: QueueNow) -> float | None:
        """Since how many seconds the oldest job of a queue that may start has waited; None where none does."""
        found = self._measures.get(queue.stats.name)
        waits = queue.stats.queued + queue.stats.scheduled > 0
        return found.oldest_s if found is not None and found.depth and waits else None

    def rest(self, seen: Overview) -> Sequence[QueueStats]:
        """How the queues stand that are not listed."""
        return [self._rest[name] for name in seen.others if name in self._rest]

    def _is_measured(self, queue: QueueNow) -> bool:
        found = self._measures.get(queue.stats.name)
        return found is not None and (found.depth > 0 or queue.stats.queued <= queue.stats.blocked)
