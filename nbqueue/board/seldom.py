"""What is asked for every few seconds only: what costs much, and the numbers of queues that are not listed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from nbqueue.broker import gates, overview, waits
from nbqueue.broker.overview import Overview, QueueNow
from nbqueue.broker.queues import QueueStats
from nbqueue.client.link import Link
from nbqueue.model.limits import Limit

#: seconds after which it is asked for again
STALE_S = 5.0


class Seldom:
    """What was asked for last."""

    def __init__(self) -> None:
        #: seconds that the oldest job of a queue has waited, by its name; None where none waits
        self._oldest: Mapping[str, float | None] = {}
        self._rest: Mapping[str, QueueStats] = {}
        #: that are set, by what they are for
        self.limits: Mapping[str, Limit] = {}
        self._measured_at, self._counted_at = -STALE_S, -STALE_S

    async def read(self, link: Link, seen: Overview) -> None:
        """Ask for what is old, and for queues that are new."""
        wire, now = link.wire, time.monotonic()
        if now - self._measured_at > STALE_S or not all(map(self._is_measured, seen.queues)):
            names = [each.stats.name for each in seen.queues]
            found = await wire.ask(lambda client: waits.oldest_s(client, wire.keys, names)) if names else []
            self._oldest = dict(zip(names, found, strict=True))
            self._measured_at = now
        if now - self._counted_at > STALE_S or not self._rest.keys() >= set(seen.others):
            rest = await wire.ask(lambda client: overview.rest(client, wire.keys, seen.others))
            self._rest = {each.name: each for each in rest}
            self.limits = await wire.ask(lambda client: gates.limits(client, wire.keys))
            self._counted_at = now

    def oldest_s(self, queue: QueueNow) -> float | None:
        """Since how many seconds the oldest job of a queue that may start has waited; None where none does."""
        is_left = queue.stats.queued + queue.stats.scheduled > 0
        return self._oldest.get(queue.stats.name) if is_left else None

    def rest(self, seen: Overview) -> Sequence[QueueStats]:
        """How the queues stand that are not listed."""
        return [self._rest[name] for name in seen.others if name in self._rest]

    def _is_measured(self, queue: QueueNow) -> bool:
        name, stats = queue.stats.name, queue.stats
        return name in self._oldest and (self._oldest[name] is not None or stats.queued <= stats.blocked)
