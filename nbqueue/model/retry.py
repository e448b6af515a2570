"""When a job is tried again: a pure policy, decided from facts that come in from outside."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from nbqueue.errors import ConfigurationError
from nbqueue.model import backoff as waiting
from nbqueue.model.backoff import Answer, Backoff
from nbqueue.model.names import shown

MAX_TRIES = 1000
#: attempts that RetryLater may ask for where no policy says otherwise
MAX_ASKED_TRIES = 100
#: errors that the next try would end in as well
NEVER_RETRIED = frozenset({"SkipRetry", "PayloadTooLarge", "NotSendable"})

_KINDS = ("exponential", "fixed")
#: how a function of one's own is written on the wire; it travels with the call
_OWN = "own"
_TEN_YEARS_S = 10 * 366 * 86_400.0
_MOST_FACTOR = 1000.0
#: further waits are no longer: their number must not overflow
_MOST_STEPS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and when an attempt that raised is followed by another.

    The wait after attempt `n` (from 1) is, with `u` drawn evenly from [0, 1):

        exponential:  min(cap, base * factor ** (n - 1)) * (1 - jitter * u)
        fixed:        min(cap, base) * (1 - jitter * u)

    `backoff` may be a function of your own, `fn(attempt, error)`: the number of the attempt and the error itself. It
    answers seconds, or None for no further attempt; its answer is taken as it is, without `cap` and `jitter`. It is
    called where the job ran: in the job's process, or for a coroutine that is registered on a worker in its loop.
    Where it raises, or answers something else, the attempt's own error is final and has a note that says so.

    A time limit (`JobTimeout`) is retried only where `on` names it. A process that died (`JobCrashed`) runs again
    without a policy, until the third time; `on` naming it makes that `max_tries` in all and the waits those above,
    `never_on` naming it makes the first time final. Nobody is left to ask after either: a function of your own is
    not called then, and the wait is the exponential one.
    """

    #: attempts in all, the first included, 1 to 1000
    max_tries: int = 3
    #: or a function of the attempt's number and its error
    backoff: Literal["exponential", "fixed"] | Backoff = field(default="exponential", hash=False)
    #: seconds before the second attempt, 0 to ten years
    base: float = 0.5
    #: what each further wait is multiplied by (exponential only), 1 to 1000
    factor: float = 2.0
    #: the longest wait in seconds, 0 to ten years
    cap: float = 300.0
    #: the share of the wait that chance may take away, 0 to 1
    jitter: float = 0.1
    #: errors that are retried, as classes or their names (kept as names); empty: all but `never_on`
    on: tuple[type[BaseException] | str, ...] = ()
    #: errors that are never retried
    never_on: tuple[type[BaseException] | str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, and turn exception classes into their names."""
        if not _is_whole(self.max_tries, MAX_TRIES):
            raise ConfigurationError(f"max_tries={self.max_tries!r}: give a whole number from 1 to {MAX_TRIES}.")
        _check_backoff(self.backoff)
        _check_number("base", self.base, 0.0, _TEN_YEARS_S, "seconds from 0 to ten years")
        _check_number("factor", self.factor, 1.0, _MOST_FACTOR, "a number from 1 to 1000")
        _check_number("cap", self.cap, 0.0, _TEN_YEARS_S, "seconds from 0 to ten years")
        _check_number("jitter", self.jitter, 0.0, 1.0, "a number from 0 to 1")
        object.__setattr__(self, "on", tuple(_names("on", self.on)))
        object.__setattr__(self, "never_on", tuple(_names("never_on", self.never_on)))

    @property
    def is_own(self) -> bool:
        """Whether a function of the user's says how long to wait."""
        return callable(self.backoff)

    def names(self, error_type: str) -> bool:
        """Whether it says of this very error that it is retried."""
        return error_type in self.on and error_type not in self.never_on

    def refuses(self, error_types: tuple[str, ...]) -> bool:
        """Whether an error (its class name and its bases') is never retried, however many tries are left."""
        return any(name in self.never_on for name in error_types)

    def retries(self, tries: int, error_types: tuple[str, ...]) -> bool:
        """Whether an error (its class name and its bases') after `tries` attempts is retried."""
        if tries >= self.max_tries or self.refuses(error_types) or not NEVER_RETRIED.isdisjoint(error_types):
            return False
        return not self.on or any(name in self.on for name in error_types)

    def allows_asked(self, tries: int, error_types: tuple[str, ...]) -> bool:
        """Whether RetryLater has its way after `tries` attempts; `on` need not name it."""
        return tries < self.max_tries and not self.refuses(error_types)

    def wait_s(self, tries: int, chance: Random) -> float:
        """Seconds to wait after attempt number `tries` (from 1)."""
        step = self.base if self.backoff == "fixed" else self.base * self.factor ** min(tries - 1, _MOST_STEPS)
        wait = min(step, self.cap)
        return wait * (1 - self.jitter * chance.random())

    def ask(self, backoff: Backoff, tries: int, error: BaseException) -> Answer:
        """What the function of waiting says after attempt number `tries`, if its answer counts for anything."""
        names = tuple(each.__name__ for each in type(error).__mro__)
        if "RetryLater" in names or not self.retries(tries, names):
            return Answer()
        return waiting.ask(backoff, tries, error)

    def to_wire(self) -> dict[str, Any]:
        """The policy as plain JSON; a function of waiting travels apart."""
        return {
            "max_tries": self.max_tries,
            "backoff": _OWN if self.is_own else self.backoff,
            "base": self.base,
            "factor": self.factor,
            "cap": self.cap,
            "jitter": self.jitter,
            "on": list(self.on),
            "never_on": list(self.never_on),
        }

    @classmethod
    def from_wire(cls, fields: dict[str, Any]) -> RetryPolicy:
        """The policy from plain JSON."""
        own = {"backoff": waiting.at_hand_there} if fields["backoff"] == _OWN else {}
        return cls(**{**fields, **own, "on": tuple(fields["on"]), "never_on": tuple(fields["never_on"])})


class NoPolicy(RetryPolicy):
    """What counts where none was given: an error is final, and RetryLater has its way a hundred times.

    It equals no policy that was given, not even one of a single try.
    """

    __slots__ = ()

    def allows_asked(self, tries: int, error_types: tuple[str, ...]) -> bool:  # noqa: ARG002 - it refuses none
        """As many as a job may ask for by itself."""
        return tries < MAX_ASKED_TRIES


def _check_backoff(value: object) -> None:
    if inspect.iscoroutinefunction(value):
        raise ConfigurationError(f"backoff={shown(value)} is async, and nobody awaits it: give a plain function.")
    if not callable(value) and value not in _KINDS:
        raise ConfigurationError(
            f'backoff={shown(value)} cannot be used: give "exponential", "fixed", or a function of an attempt\'s '
            "number and its error that answers seconds or None."
        )


def _check_number(name: str, value: object, least: float, most: float, allowed: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most:  # type: ignore[arg-type,operator]
        raise ConfigurationError(f"{name}={shown(value)} cannot be used: give {allowed}.")


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _names(field_name: str, types: Any) -> Iterator[str]:
    if not isinstance(types, tuple | list | set | frozenset):
        raise ConfigurationError(
            f"{field_name}={shown(types)} cannot be used: give a tuple of classes or names, for example "
            '("TimeoutError",).'
        )
    for item in types:
        if isinstance(item, type) and issubclass(item, BaseException):
            yield item.__name__
        elif isinstance(item, str) and item.isidentifier():
            yield item
        else:
            raise ConfigurationError(
                f"{field_name} holds {shown(item)}, which names no error: give its class, or the class's own "
                "name without its module."
            )


#: the default: a function's own error is not retried
NO_RETRY = NoPolicy(max_tries=1)


def policy(value: object) -> RetryPolicy:
    """The policy of `retry=`: a RetryPolicy, or an integer (tries in all)."""
    if isinstance(value, RetryPolicy):
        return value
    if _is_whole(value, MAX_TRIES):
        return RetryPolicy(max_tries=value)  # type: ignore[arg-type]
    raise ConfigurationError(
        f"retry={shown(value)} cannot be used: give RetryPolicy(...), or an integer from 1 to {MAX_TRIES}: tries in "
        "all."
    )
