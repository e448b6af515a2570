"""Counts attempts of the history by state, and how long they waited and ran, from where it was counted up to before."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from nbqueue.broker import history, tallies
from nbqueue.broker.bounds import DAY_MS
from nbqueue.broker.history import Page
from nbqueue.broker.keys import Keys
from nbqueue.broker.tallies import Name, Tallies
from nbqueue.metrics.buckets import bucket_of
from nbqueue.metrics.places import Pair, Places

#: attempts that are counted at once, and for how many seconds; should more have ended meanwhile, the next time goes
#: on there
MOST_ATTEMPTS, MOST_S = 1_000_000, 4.0
#: who counts for the first time begins so long ago: what ended in the last hour is never forgotten
FIRST_MS = 3_600_000
#: characters of a name
NAME_CHARS = 120
#: a wait or a run that lasts longer is none that was ours
LONGEST_MS = 36_500 * DAY_MS
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
        what = await tallies.keep(
            client, keys, counting.more, gone=counting.gone(), before=before.to, to=counting.to
        )  # fmt: skip
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
        self._places = Places(before)
        #: what was counted of attempts since
        self._counted: Counter[Name] = Counter()
        #: up to which entry
        self.to = before.to
        self.attempts = 0

    @property
    def more(self) -> Mapping[Name, int]:
        """Name of a tally -> how many more."""
        return self._counted | self._places.changes()

    def gone(self) -> list[Name]:
        """The tallies before of pairs that gave their places."""
        return [name for name in self._before.counts if name[1:3] in self._places.gone]

    def take(self, page: Page) -> None:
        """Count the attempts of a page."""
        for entry, text in zip(page.ids, page.texts, strict=True):
            self._count(text, ended_ms=int(entry.partition(b"-")[0]))
        self.attempts += len(page.ids)
        if page.ids:
            self.to = page.ids[-1].decode()

    def after(self) -> Tallies:
        """All tallies with these."""
        gone = {*self.gone()}
        counts = Counter({name: count for name, count in self._before.counts.items() if name not in gone})
        counts.update(self.more)
        return Tallies(to=self.to, counts=counts)

    def _count(self, text: bytes, *, ended_ms: int) -> None:
        try:
            line = json.loads(text)
            queue, function, state = (
                _name(each) for each in (line["queue"], line.get("function") or "?", line["state"])
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return  # what none of ours wrote
        pair, silent = self._places.take((queue, function), ended_ms)
        self._forget(silent)
        self._counted[ATTEMPTS, *pair, state] += 1
        for measure, duration_ms in _durations(line, ended_ms):
            self._counted[measure, *pair, bucket_of(duration_ms)] += 1
            self._counted[measure, *pair, SUM] += duration_ms

    def _forget(self, silent: set[Pair]) -> None:
        """What was counted in this turn of pairs that gave their places."""
        for name in [each for each in self._counted if each[1:3] in silent]:
            del self._counted[name]


def _name(value: object) -> str:
    """A name that can be told: JSON has halves of characters, and UTF-8 has none."""
    return str(value)[:NAME_CHARS].encode(errors="replace").decode()


def _durations(line: dict[str, Any], ended_ms: int) -> list[tuple[str, int]]:
    """How long an attempt waited and ran, in ms; nothing of one that never started."""
    try:
        started = int(line["started"])
        due = int(line.get("due") or line["submitted"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return []
    found = [(WAITS, max(started - due, 0)), (RUNS, max(ended_ms - started, 0))]
    return found if max(duration_ms for _, duration_ms in found) < LONGEST_MS else []
