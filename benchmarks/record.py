"""What was measured, as JSON: every number of every round, with the facts of the run it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rounds import Results, Series


@dataclass(frozen=True, slots=True)
class Record:
    """One whole run, and measures that were made anew since, each in a run of its own."""

    facts: Mapping[str, str]
    #: measure -> its results
    measured: Mapping[str, Results]
    #: measure -> the facts of its own run, where it was not part of the whole one
    apart: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def with_apart(self, facts: Mapping[str, str], measured: Mapping[str, Results]) -> Record:
        """The same with some measures anew."""
        return Record(self.facts, {**self.measured, **measured}, {**self.apart, **dict.fromkeys(measured, facts)})

    def with_earlier(self, earlier: Record, names: Iterable[str]) -> Record:
        """The same with measures of an earlier one that this does not have."""
        left = {name: earlier.measured[name] for name in names if name in earlier.measured.keys() - self.measured}
        apart = {name: earlier.apart.get(name, earlier.facts) for name in left}
        return Record(self.facts, {**self.measured, **left}, {**self.apart, **apart})


def write(path: Path, record: Record) -> None:
    """Keep it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounds = {
        name: {
            who: {what: series.failure or series.numbers for what, series in found.items()}
            for who, found in results.items()
        }
        for name, results in record.measured.items()
    }
    kept: dict[str, Any] = {"facts": dict(record.facts), "rounds": rounds}
    if record.apart:
        kept["apart"] = {name: dict(facts) for name, facts in record.apart.items()}
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Record:
    """What `write` kept."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    measured = {
        name: {who: {what: _series(said) for what, said in found.items()} for who, found in results.items()}
        for name, results in kept["rounds"].items()
    }
    return Record(kept["facts"], measured, kept.get("apart", {}))


def _series(said: str | list[float]) -> Series:
    return Series(failure=said) if isinstance(said, str) else Series(numbers=said)
