"""How many jobs ended when, in buckets of time: from the counters while it goes on, from the history before that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbqueue.model.states import FAILURES, State

#: final states by what they mean for a chart
OTHER = frozenset({State.CANCELLED, State.EXPIRED})
#: widths of the buckets in seconds, and for how long they are kept
FINE_S, COARSE_S = 5, 60
FINE_KEPT_S, COARSE_KEPT_S = 360, 25 * 3600
#: the time over which a rate is taken
RATE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time that a chart shows."""

    label: str
    #: of the whole, in words
    words: str
    bars: int
    #: of one bar
    width_s: int

    @property
    def length_s(self) -> int:
        """Of the whole."""
        return self.bars * self.width_s


WINDOWS: tuple[Window, ...] = (
    Window(label="5 min", words="5 minutes", bars=60, width_s=5),
    Window(label="1 h", words="hour", bars=60, width_s=60),
    Window(label="24 h", words="24 hours", bars=72, width_s=1200),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """The jobs that ended within one bar."""

    succeeded: int = 0
    failed: int = 0
    #: cancelled or expired
    other: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What ended within a window, the oldest first."""

    window: Window
    bars: tuple[Bar, ...]
    #: whether the history was read as far back as the window reaches
    complete: bool = True

    @property
    def total(self) -> Bar:
        """All of it."""
        return Bar(*(sum(getattr(bar, name) for bar in self.bars) for name in ("succeeded", "failed", "other")))


class Activity:
    """Counts of ends by time. Bounded: a bucket that is too old is dropped."""

    def __init__(self, began_ms: int) -> None:
        #: from here on counters tell, before it the history
        self.began_ms = began_ms
        #: as far back as the history was read
        self.known_from_ms = began_ms
        self._fine: dict[tuple[int, str], list[int]] = {}
        self._coarse: dict[int, list[int]] = {}
        self._counts: dict[str, Mapping[State, int]] | None = None

    def take(self, counts: Mapping[str, Mapping[State, int]], at_ms: int) -> None:
        """What the counters of the queues say now: what they grew by ended just before."""
        before = self._counts
        for queue, ended in counts.items() if before is not None else ():
            known = before.get(queue, {}) if before else {}
            for state, count in ended.items():
                self.add(at_ms, queue, state, max(count - known.get(state, 0), 0))
        # a queue that was not looked at this time has not lost its counts
        self._counts = {**(before or {}), **counts}
        self._forget(at_ms)

    def add(self, at_ms: int, queue: str, state: State, count: int = 1) -> None:
        """So many of a queue ended so then."""
        if not count:
            return
        second, place = at_ms // 1000, 1 if state in FAILURES else 2 if state in OTHER else 0
        self._fine.setdefault((second // FINE_S, queue), [0, 0, 0])[place] += count
        self._coarse.setdefault(second // COARSE_S, [0, 0, 0])[place] += count

    def per_minute(self, queue: str, now_ms: int) -> float:
        """How many jobs of a queue ended a minute, over the last one."""
        last = now_ms // 1000 // FINE_S
        buckets = range(last - RATE_S // FINE_S + 1, last + 1)
        return sum(sum(self._fine.get((bucket, queue), ())) for bucket in buckets) * 60 / RATE_S

    def chart(self, window: Window, now_ms: int) -> Chart:
        """The ends within a window up to now."""
        bars = [[0, 0, 0] for _ in range(window.bars)]
        last = now_ms // 1000 // window.width_s
        for second, counts in self._buckets(window):
            place = second // window.width_s - last + window.bars - 1
            if 0 <= place < window.bars:
                bars[place] = [have + more for have, more in zip(bars[place], counts, strict=True)]
        complete = self.known_from_ms <= now_ms - window.length_s * 1000
        return Chart(window=window, bars=tuple(Bar(*bar) for bar in bars), complete=complete)

    def _buckets(self, window: Window) -> list[tuple[int, list[int]]]:
        if window.width_s < COARSE_S:
            return [(bucket * FINE_S, counts) for (bucket, _), counts in self._fine.items()]
        return [(bucket * COARSE_S, counts) for bucket, counts in self._coarse.items()]

    def _forget(self, now_ms: int) -> None:
        fine, coarse = (now_ms // 1000 - FINE_KEPT_S) // FINE_S, (now_ms // 1000 - COARSE_KEPT_S) // COARSE_S
        self._fine = {key: counts for key, counts in self._fine.items() if key[0] >= fine}
        self._coarse = {key: counts for key, counts in self._coarse.items() if key >= coarse}
