"""Which queues a worker serves, as people write it: `critical=6,default=3,low=1`, and how many jobs of each at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nbqueue.errors import ConfigurationError
from nbqueue.model import names

#: the range of a weight
MOST_WEIGHT = 1000
#: the range of a queue's jobs at once
MOST_AT_ONCE = 1_000_000


def weights(text: str, what: str = "--queues") -> dict[str, int]:
    """The weight of each queue, in the order they stand there; one without a number has 1."""
    found = _numbers(text, what, f"a whole number from 1 to {MOST_WEIGHT}", most=MOST_WEIGHT, default=1)
    if not found:
        raise ConfigurationError(f"{what} {names.shown(text)} names no queue: give names with commas between them.")
    return found


def limits(text: str, what: str = "--queue-concurrency") -> dict[str, int]:
    """How many jobs of each queue named there may run at once in one worker."""
    return _numbers(text, what, "a whole number from 1", most=MOST_AT_ONCE, default=None)


def by_weight(found: dict[str, int]) -> tuple[str, ...]:
    """The queues with the heaviest first, equals in their order: what a strict worker goes by."""
    return tuple(sorted(found, key=lambda name: -found[name]))


def check_served(named: Iterable[str], served: Collection[str]) -> None:
    """Refuse a number for a queue that the worker does not serve: it would count for nothing."""
    for name in named:
        if name not in served:
            raise ConfigurationError(
                f"There is a number for queue {names.shown(name)}, which this worker does not serve: it serves "
                f"{', '.join(served)}."
            )


def _numbers(text: str, what: str, rule: str, *, most: int, default: int | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, number = (word.strip() for word in part.partition("="))
        names.check_queue(name)
        if name in found:
            raise ConfigurationError(f"{what} {names.shown(text)} names queue {name!r} twice: name each once.")
        if not equals and default is not None:
            found[name] = default
        elif number.isascii() and number.isdigit() and len(number) <= len(str(most)) and 1 <= int(number) <= most:
            found[name] = int(number)
        else:
            raise ConfigurationError(f"{what} has {names.shown(part)}: write NAME=NUMBER, the number being {rule}.")
    return found
