"""Rounds in which every contestant has its turn, one after another, so that what disturbs one disturbs all."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.contestants import Contestant
from benchmarks.environments import NotInstalled
from benchmarks.players import PlayerFailed


@dataclass(slots=True)
class Series:
    """What one contestant reached, a number a round."""

    numbers: list[float] = field(default_factory=list)
    #: why there are no numbers
    failure: str = ""

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.numbers)

    @property
    def is_measured(self) -> bool:
        """Whether there is a number at all."""
        return bool(self.numbers)


#: contestant -> quantity -> its series
Results = dict[str, dict[str, Series]]


def run_rounds(
    contestants: Sequence[Contestant], rounds: int, measure: Callable[[Contestant], dict[str, float]], *, title: str
) -> Results:
    """Measure each contestant once a round; who fails is left out of the rounds that follow."""
    results: Results = {each.name: {} for each in contestants}
    failed: set[str] = set()
    for number in range(1, rounds + 1):
        for contestant in contestants:
            if contestant.name in failed:
                continue
            try:
                found = measure(contestant)
            except (NotInstalled, PlayerFailed) as error:
                failed.add(contestant.name)
                results[contestant.name].setdefault("failure", Series()).failure = str(error)
                _say(title, number, rounds, contestant, f"failed: {error}")
                continue
            for quantity, value in found.items():
                results[contestant.name].setdefault(quantity, Series()).numbers.append(value)
            _say(title, number, rounds, contestant, ", ".join(f"{name} {value:,.4g}" for name, value in found.items()))
    return results


def _say(title: str, number: int, rounds: int, contestant: Contestant, text: str) -> None:
    print(f"{title} {number}/{rounds}  {contestant.name}: {text}", file=sys.stderr, flush=True)
