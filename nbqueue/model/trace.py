"""How the metrics of a job went over time: a bounded number of points, whatever the job reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: points of a metric that are kept at most; the first and the newest always are
POINTS = 400
#: points of a metric that a server keeps
KEPT_POINTS = 60
#: metrics that are followed
METRICS = 8

#: seconds, value
Point = tuple[float, float]


class Trace:
    """The numbers among the metrics of a job, by name, as points in time; of too many every second one goes."""

    def __init__(self, points: int = POINTS) -> None:
        self._most = points
        self._series: dict[str, list[Point]] = {}

    def add(self, at_s: float, metrics: Mapping[str, Any]) -> None:
        """Take what was reported `at_s` seconds after the beginning; what is no number is passed over."""
        for name, value in metrics.items():
            number = finite(value)
            if number is not None and (name in self._series or len(self._series) < METRICS):
                self._put(self._series.setdefault(name, []), (at_s, number))

    def series(self) -> dict[str, tuple[Point, ...]]:
        """Name -> its points in the order of time."""
        return {name: tuple(points) for name, points in list(self._series.items())}

    def to_wire(self) -> dict[str, list[Point]]:
        """As plain JSON, as exact as a picture of it needs to be."""
        return {
            name: [(round(at_s, 2), float(f"{value:.9g}")) for at_s, value in points]
            for name, points in self._series.items()
        }

    def recall(self, found: Any) -> None:
        """Put what `to_wire` gave in front of what came since; what is of another type is left out."""
        for name, points in found.items() if isinstance(found, dict) else ():
            since = self._series.get(name, [])
            before = [point for point in _points(points) if not since or point[0] < since[0][0]]
            if before and (since or len(self._series) < METRICS):
                self._series[name] = [*before, *since]

    def _put(self, points: list[Point], point: Point) -> None:
        # of a value that stays, its first and its last moment say it all
        if len(points) > 1 and points[-1][1] == point[1] == points[-2][1]:
            points[-1] = point
            return
        points.append(point)
        if len(points) > self._most:
            points[1:-1] = points[1:-1][1::2]


def _points(found: Any) -> list[Point]:
    rows = [row for row in found if isinstance(row, list) and len(row) == 2] if isinstance(found, list) else []  # noqa: PLR2004
    numbers = [(finite(at_s), finite(value)) for at_s, value in rows[:POINTS]]
    return [(at_s, value) for at_s, value in numbers if at_s is not None and value is not None]


def finite(value: object) -> float | None:
    """A value as a finite number, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
