"""How the metrics of a job went over time: a bounded number of points, whatever the job reports."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

#: points of a metric that are kept at most; the first and the newest always are
POINTS = 400
#: points of a metric that a server keeps
KEPT_POINTS = 60
#: metrics that are followed
METRICS = 8
#: seconds after which a number that was reported has been heard
HEARD_S = 0.3
#: what the moments are rounded to where they are kept
ROUNDED_S = 0.01

#: seconds, value
Point = tuple[float, float]

_AT = itemgetter(0)


class Trace:
    """The numbers among the metrics of a job, by name, as points in time; of too many the closest go."""

    def __init__(self, points: int = POINTS) -> None:
        self._most = points
        self._series: dict[str, list[Point]] = {}
        #: name -> seconds between its points at least, once there were too many
        self._gaps: dict[str, float] = {}

    def add(self, at_s: float, metrics: Mapping[str, Any]) -> None:
        """Take what was reported `at_s` seconds after the beginning; what is no number is passed over."""
        for name, value in metrics.items():
            number = finite(value)
            if number is not None and (name in self._series or len(self._series) < METRICS):
                self._put(name, (at_s, number))

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
        """Put what `to_wire` gave where nothing is known; what is of another type is left out."""
        for name, points in found.items() if isinstance(found, dict) else ():
            known = self._series.get(name, [])
            missing = [point for point in _points(points) if not _is_known(known, point)]
            if missing and (known or len(self._series) < METRICS):
                self._series[name] = sorted([*known, *missing], key=_AT)
                self._thin(name)

    def _put(self, name: str, point: Point) -> None:
        points = self._series.setdefault(name, [])
        if len(points) > 1 and points[-1][0] <= point[0]:
            # of a value that stays, its first and its last moment say it all
            stays = points[-1][1] == point[1] == points[-2][1]
            if stays or point[0] - points[-2][0] < self._gaps.get(name, 0.0):
                points[-1] = point
                return
        insort(points, point, key=_AT)  # what was recalled may be newer
        self._thin(name)

    def _thin(self, name: str) -> None:
        """Where there are too many, keep about half of them, as far apart from one another in time everywhere."""
        points = self._series[name]
        if len(points) <= self._most:
            return
        gap = self._gaps[name] = 2 * (points[-1][0] - points[0][0]) / self._most
        kept = points[:1]
        for point in points[1:-1]:
            if point[0] - kept[-1][0] >= gap:
                kept.append(point)
        # where moments are the same there is nothing to tell them by
        points[:] = [*kept[: self._most - 1], points[-1]]


def _is_known(points: list[Point], point: Point) -> bool:
    """Whether this stands here already: what is reported is heard a moment later, and may stay as it is."""
    at_s, value = point
    place = bisect_left(points, at_s - ROUNDED_S, key=_AT)
    for later, other in points[place:]:
        if later > at_s + HEARD_S:
            break
        if math.isclose(other, value, rel_tol=1e-8):
            return True
    around = points[max(place - 1, 0) : place + 1]
    return 0 < place < len(points) and all(math.isclose(each, value, rel_tol=1e-8) for _, each in around)


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
