"""Limits as people write them: how many may start in a time, and how many may run at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

#: the largest number in a limit: the server keeps as many moments as a rate allows starts
MOST = 100_000
#: the longest time of a rate in milliseconds: a day
LONGEST_MS = 86_400_000

_UNITS_MS = {"ms": 1, "s": 1000, "sec": 1000, "second": 1000, "min": 60_000, "minute": 60_000, "m": 60_000,
             "h": 3_600_000, "hour": 3_600_000, "day": 86_400_000, "d": 86_400_000}  # fmt: skip
#: how those that are mostly meant are written
_UNITS = {_UNITS_MS[unit]: unit for unit in ("s", "min", "h", "day")}
_RATE = re.compile(
    r"\s*(\d+)\s*(?:/|per|an|a|each|every)\s*(\d+(?:\.\d+)?)?\s*([a-z]+)(?:\s*,?\s*burst\s*(\d+))?\s*\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `rate` starts in any `per_ms`, no more than `burst` of them at once, and `concurrency` under way."""

    #: None: as many as there are
    rate: int | None = None
    #: milliseconds of the window that slides over the starts
    per_ms: int = 0
    #: starts within its share of the window (`per_ms * burst / rate`); None: all of the rate may come at once
    burst: int | None = None
    #: jobs under way at once over all workers
    concurrency: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it limits nothing."""
        return self.rate is None and self.concurrency is None

    def to_wire(self) -> dict[str, int]:
        """As plain JSON, as the claiming script reads it."""
        found = {"rate": self.rate, "per_ms": self.per_ms or None, "burst": self.burst, "concurrency": self.concurrency}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_wire(cls, found: dict[str, Any]) -> Limit:
        """From what `to_wire` gave."""
        return cls(**{name: int(found[name]) for name in ("rate", "per_ms", "burst", "concurrency") if name in found})

    @property
    def rate_text(self) -> str | None:
        """The rate as it can be given again; None: there is none."""
        if self.rate is None:
            return None
        burst = f" burst {self.burst}" if self.burst is not None else ""
        if self.per_ms in _UNITS:
            return f"{self.rate}/{_UNITS[self.per_ms]}{burst}"
        time = f"{self.per_ms} ms" if self.per_ms % 1000 else f"{self.per_ms // 1000} s"
        return f"{self.rate} per {time}{burst}"

    def __str__(self) -> str:
        parts = []
        if self.rate is not None:
            burst = f", burst {self.burst}" if self.burst is not None else ""
            parts.append(f"{self.rate} in {self.per_ms / 1000:g} s{burst}")
        if self.concurrency is not None:
            parts.append(f"{self.concurrency} at once")
        return ", ".join(parts) or "no limit"


def limit(rate: object = None, concurrency: object = None) -> Limit:
    """The limit of `rate=` and `concurrency=`, each checked."""
    starts, per_ms, burst = _rate(rate) if rate is not None else (None, 0, None)
    at_once = check_concurrency(concurrency) if concurrency is not None else None
    return Limit(rate=starts, per_ms=per_ms, burst=burst, concurrency=at_once)


def check_rate(value: object) -> str:
    """The rate as it was written, or one sentence about what is wrong with it."""
    _rate(value)
    return str(value)


def check_concurrency(value: object) -> int:
    """How many at once, or one sentence about what is wrong with it."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST:
        return value
    raise ConfigurationError(f"concurrency={shown(value)} cannot be used: give a whole number from 1 to {MOST:,}.")


def _rate(value: object) -> tuple[int, int, int | None]:
    """Starts, milliseconds, and how many may come at once."""
    match = _RATE.match(value) if isinstance(value, str) else None
    word = match[3].lower() if match else ""
    unit = _UNITS_MS.get(word) or _UNITS_MS.get(word.removesuffix("s"))
    if match is None or unit is None:
        raise ConfigurationError(
            f'rate={shown(value)} cannot be read: write it as "20/min", "5/s", "100 per 10 s" or "60/min burst 5".'
        )
    starts, per_ms = int(match[1]), round(float(match[2] or 1) * unit)
    burst = int(match[4]) if match[4] else None
    if not (1 <= starts <= MOST and 1 <= per_ms <= LONGEST_MS and (burst is None or 1 <= burst <= starts)):
        raise ConfigurationError(
            f"rate={shown(value)} is out of range: from 1 to {MOST:,} in at most a day, with a burst of no "
            "more than that."
        )
    return starts, per_ms, burst
