"""What a running job tells of itself: how far it is, its metrics, and lines of its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: bars of parts of a job at most
BARS = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """How far a part of a job is: one of several loops, or one inside another."""

    name: str
    done: float
    total: float | None = None

    @property
    def fraction(self) -> float | None:
        """Between 0 and 1, or None where there is no total."""
        return _fraction(self.done, self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is. With `total` None the bar is indeterminate."""

    done: float = 0.0
    total: float | None = None
    message: str = ""
    #: the last reported metrics, for example objective, bound and gap
    metrics: dict[str, Any] = field(default_factory=dict)
    #: how far its parts are
    bars: tuple[Bar, ...] = ()

    @property
    def fraction(self) -> float | None:
        """Between 0 and 1, or None where there is no total."""
        return _fraction(self.done, self.total)

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON; what is empty is left out."""
        found: dict[str, Any] = {"done": self.done}
        if self.total is not None:
            found["total"] = self.total
        if self.message:
            found["message"] = self.message
        if self.metrics:
            found["metrics"] = self.metrics
        if self.bars:
            found["bars"] = [[bar.name, bar.done, bar.total] for bar in self.bars]
        return found

    @classmethod
    def from_wire(cls, found: dict[str, Any]) -> Progress:
        """From what `to_wire` gave; what is of another type is left out."""
        message, metrics = found.get("message", ""), found.get("metrics", {})
        return cls(
            done=_number(found.get("done")) or 0.0,
            total=_number(found.get("total")),
            message=message if isinstance(message, str) else "",
            metrics=metrics if isinstance(metrics, dict) else {},
            bars=_bars(found.get("bars")),
        )


def _fraction(done: float, total: float | None) -> float | None:
    return None if total is None or total <= 0 else min(max(done / total, 0.0), 1.0)


def _bars(found: Any) -> tuple[Bar, ...]:
    rows = found[:BARS] if isinstance(found, list) else ()
    return tuple(
        Bar(row[0], _number(row[1]) or 0.0, _number(row[2]))
        for row in rows
        if isinstance(row, list) and len(row) == 3 and isinstance(row[0], str)  # noqa: PLR2004 - the fields of a bar
    )


def _number(value: Any) -> float | None:
    """The number, or None: what runs in a job may send anything."""
    return value if type(value) in (int, float) else None
