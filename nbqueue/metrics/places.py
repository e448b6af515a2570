"""Which pairs of queue and function are counted under their own names: a place is given back after a day of silence."""

from __future__ import annotations

from collections.abc import Iterable

from nbqueue.broker.bounds import DAY_MS
from nbqueue.broker.tallies import Name, Tallies

#: a queue and a function
Pair = tuple[str, str]

#: pairs of queue and function, and queues, that have names of their own
MOST_PAIRS, MOST_QUEUES = 200, 200
#: stands for all that have none
OTHERS = "(others)"
#: a pair that was silent for so long gives its place to one that has none
SILENT_MS = DAY_MS
#: the measure, and its part, that is the ms of the last attempt of a pair
SEEN, AT = "seen", "at"


class Places:
    """The places of one turn of counting."""

    def __init__(self, before: Tallies) -> None:
        self._before = _last_seen(before)
        #: pair with a place -> when its last attempt ended; one of which that is not known may have been seen just now
        self._seen = {pair: self._before.get(pair) or _ms(before.to) for pair in _pairs(before.counts)}
        #: none of them was seen before this
        self._longest = min(self._seen.values(), default=_ms(before.to))
        #: pair -> the pair that it is counted as
        self._counted_as = {pair: pair for pair in self._seen}
        #: pairs that gave their places in this turn
        self.gone: set[Pair] = set()

    def take(self, pair: Pair, ended_ms: int) -> tuple[Pair, set[Pair]]:
        """Which pair an attempt is counted as: its own or one of the others; and the pairs that gave way to it."""
        found, silent = self._counted_as.get(pair), set[Pair]()
        if found is None:
            found = self._room_for(pair)
            if found != pair and (silent := self._give_way(ended_ms - SILENT_MS)):
                found = self._room_for(pair)
            self._counted_as[pair] = found
            self._longest = min(self._longest, ended_ms)
        self._seen[found] = max(ended_ms, self._seen.get(found, 0))
        return found, silent

    def changes(self) -> dict[Name, int]:
        """By how much the times of the tallies are behind."""
        behind = {pair: at - self._before.get(pair, 0) for pair, at in self._seen.items()}
        return {(SEEN, *pair, AT): more for pair, more in behind.items() if more > 0}

    def _room_for(self, pair: Pair) -> Pair:
        own = sum(OTHERS not in each for each in self._seen)
        if own < MOST_PAIRS:
            return pair
        queues = {queue for queue, _ in self._seen}
        return (pair[0] if pair[0] in queues or len(queues) < MOST_QUEUES else OTHERS, OTHERS)

    def _give_way(self, before_ms: int) -> set[Pair]:
        if before_ms <= self._longest:
            return set()
        silent = {pair for pair, at in self._seen.items() if at < before_ms}
        self._longest = before_ms
        for pair in silent:
            del self._seen[pair]
            self._before.pop(pair, None)
        self._counted_as = {pair: found for pair, found in self._counted_as.items() if found not in silent}
        self.gone |= silent
        return silent


def _pairs(names: Iterable[Name]) -> set[Pair]:
    return {(queue, function) for _, queue, function, _ in names}


def _last_seen(tallies: Tallies) -> dict[Pair, int]:
    return {name[1:3]: at for name, at in tallies.counts.items() if name[0] == SEEN and name[3] == AT}


def _ms(entry: str) -> int:
    """When an entry of the history was written."""
    first = entry.partition("-")[0]
    return int(first) if first.isdecimal() else 0
