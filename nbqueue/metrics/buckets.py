"""The buckets that waits and runs are counted in."""

from __future__ import annotations

from bisect import bisect_left

#: upper ends in seconds; what is kept in the server is counted by their numbers, so they do not change
BOUNDS_S = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)


def bucket_of(duration_ms: int) -> int:
    """The number of the first bucket that a duration fits into; the last one has no end."""
    return bisect_left(BOUNDS_S, duration_ms / 1000)
