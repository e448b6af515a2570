"""The rows of an evaluation so far, kept with its job: what a next attempt goes on from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from nbqueue.errors import PayloadTooLarge
from nbqueue.evaluators.evaluation import Sample
from nbqueue.inside import checkpoint, current_job, last_checkpoint, log

#: seconds between two checkpoints, at least
PERIOD_S = 0.1
#: many rows take long to send: the share of the time that may go into it
_SHARE = 0.05


def read(kept: Any) -> tuple[str, dict[int, Sample]]:
    """What was kept: by which scorers the rows have their scores, and the rows by their places."""
    scored_by, rows = kept
    return scored_by, {place: Sample(*row) for place, row in rows.items()}


class KeptRows:
    """Keeps rows by their places, soon after each change; outside a job it keeps nothing."""

    def __init__(self, rows: Callable[[], Mapping[int, Sample]], scored_by: str) -> None:
        """Args: what gives the rows, by place, and what tells their scorers from others."""
        self._is_on = current_job() is not None
        self._rows = rows
        self._scored_by = scored_by
        self._timer: asyncio.TimerHandle | None = None
        self._pause_s = 0.0

    def last(self) -> dict[int, Sample]:
        """The rows of an attempt before this one."""
        found = last_checkpoint() if self._is_on else None
        return {} if found is None else read(found)[1]

    def changed(self) -> None:
        """Keep them within the next moment."""
        if self._is_on and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause_s, self.keep)

    def keep(self) -> None:
        """Keep them now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_on:
            return
        began = perf_counter()
        try:
            checkpoint((self._scored_by, {place: tuple(row) for place, row in self._rows().items()}))
        except PayloadTooLarge as refused:
            log(f"The rows so far are kept no longer, in case this job has to start again: {refused}")
            self._is_on = False
        self._pause_s = max(PERIOD_S, (perf_counter() - began) / _SHARE)
