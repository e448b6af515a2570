"""The functions RQ's worker imports."""

from __future__ import annotations

import time

from benchmarks.peers.driving import STAY_S, is_first_start


def noop(number: int) -> int:
    """Do nothing."""
    return number


def stay(ledger: str) -> None:
    """Stay until killed; when run again, end at once."""
    if is_first_start(ledger):
        time.sleep(STAY_S)
