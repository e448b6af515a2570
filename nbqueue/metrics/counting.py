"""Counts attempts of the history by state, and how long they waited and ran, from where it was counted up to before."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from nbqueue.broker import history, tallies
from nbqueue.broker.history import Page
from nbqueue.broker.keys import Keys
from nbqueue.broker.tallies import Name, Tallies
from nbqueue.metrics.buckets import bucket_of

#: attempts that are counted at once, and for how many seconds; should more have ended meanwhile, the next time goes
#: on there
MOST_ATTEMPTS, MOST_S = 1_000_000, 4.0
#: who counts for the first time begins so long ago: what ended in the last hour is never forgotten
FIRST_MS = 3_600_000
#: pairs of queue and function, and queues, that have names of their own
MOST_PAIRS, MOST_QUEUES = 200, 200
#: stands for all that have none
OTHERS = "(others)"
#: characters of a name
NAME_CHARS = 120
#: turns of counting, where others count at the same time
_TURNS = 5

#: what is counted
ATTEMPTS, WAITS, RUNS = "attempts", "waits", "runs"
#: the part of a measure that is the milliseconds of all
SUM = "sum"


#: what those have counted who may only look at the server, by the connection they do so with and the namespace
_own: WeakKeyDictionary[Any, dict[str, Tallies]] = WeakKeyDictionary()


async def count_on(client: Any, keys: Keys) -> Tallies:
    """The tallies with all that came to the history since they were counted last; they are kept for whoever comes.

    Who may not write keeps them for itself, as long as its connection lives.
    """
    before = Tallies()
    for _ in range(_TURNS):
        before = _own.get(client, {}).get(keys.prefix) or await tallies.read(client, keys)
        counting = await _counted(client, keys, before)
        if counting.to == before.to:
            return before
        what = await tallies.keep(client, keys, counting.more, before=before.to, to=counting.to)
        if what == "refused":
            _own.setdefault(client, {})[keys.prefix] = counting.after()
        if what != "overtaken":
            return counting.after()
    return before


async def _counted(client: Any, keys: Keys, before: Tallies) -> Counting:
    """What came to the history since."""
    ends_at = time.monotonic() + MOST_S
    now = await history.now_ms(lambda act: act(client))
    counting = Counting(before)
    start = f"({before.to}" if before.to else str(now - FIRST_MS)
    async for page in history.pages(lambda act: act(client), keys, start=start):
        counting.take(page)
        if counting.attempts >= MOST_ATTEMPTS or time.monotonic() >= ends_at:
            break
    return counting


class Counting:
    """What is counted in one turn."""

    def __init__(self, before: Tallies) -> None:
        self._before = before
        self._pairs = {name[1:3] for name in before.counts}
        #: pair -> the names that it is counted under
        self._counted_as = {pair: pair for pair in self._pairs}
        #: up to which entry
        self.to = before.to
        self.attempts = 0
        #: name of a tally -> how many more
        self.more: Counter[Name] = Counter()

    def take(self, page: Page) -> None:
        """Count the attempts of a page."""
        for entry, text in zip(page.ids, page.texts, strict=True):
            self._count(text, ended_ms=int(entry.partition(b"-")[0]))
        self.attempts += len(page.ids)
        if page.ids:
            self.to = page.ids[-1].decode()

    def after(self) -> Tallies:
        """All tallies with these."""
        counts = Counter(self._before.counts)
        counts.update(self.more)
        return Tallies(to=self.to, counts=counts)

    def _count(self, text: bytes, *, ended_ms: int) -> None:
        try:
            line = json.loads(text)
            queue, function, state = str(line["queue"]), str(line.get("function") or "?"), str(line["state"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return  # what none of ours wrote
        pair = self._pair(queue[:NAME_CHARS], function[:NAME_CHARS])
        self.more[ATTEMPTS, *pair, state[:NAME_CHARS]] += 1
        for measure, duration_ms in _durations(line, ended_ms):
            self.more[measure, *pair, bucket_of(duration_ms)] += 1
            self.more[measure, *pair, SUM] += duration_ms

    def _pair(self, queue: str, function: str) -> tuple[str, str]:
        """Under which names it is counted: its own, or with the others where there are too many."""
        pair = (queue, function)
        found = self._counted_as.get(pair)
        if found is None:
            found = self._counted_as[pair] = _room_for(pair, self._pairs)
            self._pairs.add(found)
        return found


def _room_for(pair: tuple[str, str], pairs: Iterable[tuple[str, str]]) -> tuple[str, str]:
    own = [each for each in pairs if OTHERS not in each]
    if len(own) < MOST_PAIRS:
        return pair
    queues = {queue for queue, _ in pairs}
    return (pair[0] if pair[0] in queues or len(queues) < MOST_QUEUES else OTHERS, OTHERS)


def _durations(line: dict[str, Any], ended_ms: int) -> list[tuple[str, int]]:
    """How long an attempt waited and ran, in ms; nothing of one that never started."""
    try:
        started = int(line["started"])
        due = int(line.get("due") or line["submitted"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return []
    return [(WAITS, max(started - due, 0)), (RUNS, max(ended_ms - started, 0))]
