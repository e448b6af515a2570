"""Why queued jobs are held back, in the few words that series have for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from nbqueue.broker.queues import QueueStats
from nbqueue.model.resources import fits, known

#: what the workers of a queue offer
Offered = Sequence[Mapping[str, float]]

PAUSE, LIMIT, RESOURCES, WORKER, OTHER = "pause", "limit", "resources", "worker", "other"
#: what closes a gate, by the first letter of its name
_GATES = {"f": PAUSE, "t": PAUSE, "g": PAUSE, "l": LIMIT, "b": LIMIT, "n": WORKER}


def cause(gate: str, offered: Offered) -> str:
    """What holds jobs back behind a gate; where no worker offers what they need, that a fitting one is missing."""
    kind, _, needs = gate.partition(":")
    if kind == "r":
        return RESOURCES if any(fits(known(needs), each) for each in offered) else WORKER
    return _GATES.get(kind, OTHER)


def held_back(stats: QueueStats, offered: Offered) -> Mapping[str, int]:
    """How many jobs of a queue each cause holds back: every one that a pause of the whole queue does as well."""
    found: Counter[str] = Counter()
    for gate, count in stats.held_back.items():
        found[cause(gate, offered)] += count
    if stats.paused:
        found[PAUSE] += stats.held_by_pause
    return found


def hopeless(gates: Iterable[str], offered: Offered) -> list[str]:
    """Gates whose jobs no worker that there is would start, however much it had free."""
    return [gate for gate in gates if cause(gate, offered) in (PAUSE, WORKER)]
