"""Signs of life of the trials that run, where the study's storage has others look for these."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nbqueue.evaluators.left_trials import LeftTrials

log = logging.getLogger("nbqueue")

#: seconds in which a sign that is being given is out
_LEAVE_S = 1.0


@contextmanager
def beating(owned: LeftTrials, running: Callable[[], Sequence[Any]]) -> Iterator[None]:
    """Give them within, from a thread as optuna does: no sampler and no callback that takes long holds them up.

    Args:
        owned: gives the sign of a trial.
        running: the trials that run now.
    """
    every_s = owned.beats_s
    if every_s is None:
        yield
        return
    over = threading.Event()
    given = (owned, running, every_s, over)
    thread = threading.Thread(target=_beat, args=given, name="nbqueue-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_LEAVE_S)


def _beat(owned: LeftTrials, running: Callable[[], Sequence[Any]], every_s: float, over: threading.Event) -> None:
    while not over.wait(every_s):
        for trial in running():
            try:
                owned.live(trial)
            except Exception:  # a storage that is busy now may take the next one
                log.warning("The study's storage did not take a sign of life of trial %s.", trial.number, exc_info=True)
