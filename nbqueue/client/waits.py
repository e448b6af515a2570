"""Which jobs coroutines of this process wait for: asked when a wait was stopped, to say what goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count

#: waits that were stopped and are remembered
REMEMBERED = 100

_numbers = count(1)
#: number of a wait that is under way -> what it waits for
_under_way: dict[int, Callable[[], str]] = {}
#: number of a wait that was stopped, and what it waited for
_stopped: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)


def begin(what: Callable[[], str]) -> int:
    """The number of a wait that begins; later ones have higher numbers."""
    number = next(_numbers)
    _under_way[number] = what
    return number


def stop(number: int) -> None:
    """It was cancelled, while what it waits for goes on."""
    _stopped.append((number, _under_way[number]()))


def end(number: int) -> None:
    """It is over."""
    _under_way.pop(number, None)


def mark() -> int:
    """A number: waits that begin from now on have higher ones. Those that were stopped before are forgotten."""
    _stopped.clear()
    return next(_numbers)


def since(number: int) -> list[str]:
    """What the waits with higher numbers were or are for, each once, the first first."""
    found = dict(_stopped) | {each: what() for each, what in tuple(_under_way.items())}
    return list(dict.fromkeys(words for each, words in sorted(found.items()) if each > number))
