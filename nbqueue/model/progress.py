"""What a running job tells of itself: how far it is, its metrics, and lines of its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is. With `total` None the bar is indeterminate."""

    done: float = 0.0
    total: float | None = None
    message: str = ""
    #: the last reported metrics, for example objective, bound and gap
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def fraction(self) -> float | None:
        """Between 0 and 1, or None where there is no total."""
        if self.total is None or self.total <= 0:
            return None
        return min(max(self.done / self.total, 0.0), 1.0)

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON; what is empty is left out."""
        found: dict[str, Any] = {"done": self.done}
        if self.total is not None:
            found["total"] = self.total
        if self.message:
            found["message"] = self.message
        if self.metrics:
            found["metrics"] = self.metrics
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
        )


def _number(value: Any) -> float | None:
    """The number, or None: what runs in a job may send anything."""
    return value if type(value) in (int, float) else None
