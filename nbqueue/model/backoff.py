"""A retry policy's own function of waiting: how it travels, how it is asked, and what its answer means."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from numbers import Real
from typing import Any, NamedTuple

#: number of the attempt that raised, from 1, and its error -> seconds before the next one, or None for no next one
Backoff = Callable[[int, BaseException], float | None]

_LONGEST_S = 10 * 366 * 86_400.0
#: characters of what a note quotes
_QUOTED = 200


class Answer(NamedTuple):
    """What was answered; without anything that was asked, nothing is."""

    #: seconds before the next attempt; None: nothing was answered
    wait_s: float | None = None
    #: whether there is to be no next attempt
    final: bool = False


@dataclass(frozen=True, slots=True)
class Guided:
    """A function that travels together with its policy's own function of waiting."""

    func: Callable[..., Any]
    backoff: Backoff

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """For those who ask what its parameters are called."""
        return self.func

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.func(*args, **kwargs)


def at_hand_there(_attempt: int, _error: BaseException) -> float | None:
    """Stands for a function that travels beside the job's own: nobody but the child can call that one."""
    raise NotImplementedError("A retry policy's own function travels with its job and is asked where the job runs.")


def ask(backoff: Backoff, attempt: int, error: BaseException) -> Answer:
    """What it answers for an attempt. Where it raises or answers nonsense the error is final, and a note says why."""
    name = _quoted(getattr(backoff, "__name__", type(backoff).__name__))
    try:
        answer: object = backoff(attempt, error)
        if answer is None:
            return Answer(final=True)
        wait_s = _seconds(answer)
        did = "" if wait_s is not None else f"answered {_quoted(repr(answer))}"
    except BaseException as second:  # noqa: BLE001 - whatever it does, even an exit, is no more than a note
        wait_s, did = None, f"raised {_quoted(_told(second))}"
    if wait_s is None:
        allowed = "" if did.startswith("raised") else ": it may answer seconds from 0 to ten years, or None"
        with contextlib.suppress(Exception):  # an error may refuse notes
            error.add_note(f"Not tried again: the retry policy's backoff {name} {did}{allowed}.")
    return Answer(wait_s=wait_s, final=wait_s is None)


def _seconds(answer: object) -> float | None:
    """The seconds that were meant; None for what means none. numpy's numbers are numbers."""
    if isinstance(answer, timedelta):
        answer = answer.total_seconds()
    if isinstance(answer, bool) or not isinstance(answer, Real):
        return None
    number = float(answer)
    return number if math.isfinite(number) and 0 <= number <= _LONGEST_S else None


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - a broken __str__
        return type(error).__name__


def _quoted(text: str) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _QUOTED else line[:_QUOTED] + "..."
