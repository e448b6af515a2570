"""The function RQ's worker imports."""

from __future__ import annotations


def noop(number: int) -> int:
    """Do nothing."""
    return number
