"""When a job is tried again: a pure policy, decided from facts that come in from outside."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from nbqueue.errors import ConfigurationError

MAX_TRIES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and when an attempt that raised is followed by another.

    A lost worker or a crashed child is counted apart and needs no policy.
    """

    #: attempts in all, the first included
    max_tries: int = 3
    backoff: Literal["exponential", "fixed"] = "exponential"
    #: seconds before the second attempt
    base: float = 0.5
    #: what each further wait is multiplied by (exponential only)
    factor: float = 2.0
    #: the longest wait in seconds
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
        if self.backoff not in ("exponential", "fixed"):
            raise ConfigurationError(f'backoff={self.backoff!r}: give "exponential" or "fixed".')
        if self.base < 0 or self.factor < 1 or self.cap < 0 or not 0 <= self.jitter <= 1:
            raise ConfigurationError("A retry policy takes base >= 0, factor >= 1, cap >= 0 and jitter from 0 to 1.")
        object.__setattr__(self, "on", tuple(_names(self.on)))
        object.__setattr__(self, "never_on", tuple(_names(self.never_on)))

    def retries(self, tries: int, error_types: tuple[str, ...]) -> bool:
        """Whether an error (its class name and its bases') after `tries` attempts is retried."""
        if tries >= self.max_tries or any(name in self.never_on for name in error_types):
            return False
        return not self.on or any(name in self.on for name in error_types)

    def wait_s(self, tries: int, chance: Random) -> float:
        """Seconds to wait after attempt number `tries` (from 1)."""
        step = self.base if self.backoff == "fixed" else self.base * self.factor ** min(tries - 1, 64)
        wait = min(step, self.cap)
        return wait * (1 - self.jitter * chance.random())

    def to_wire(self) -> dict[str, Any]:
        """The policy as plain JSON."""
        return {
            "max_tries": self.max_tries,
            "backoff": self.backoff,
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
        return cls(**{**fields, "on": tuple(fields["on"]), "never_on": tuple(fields["never_on"])})


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _names(types: tuple[Any, ...]) -> list[str]:
    return [item if isinstance(item, str) else item.__name__ for item in types]


#: the default: a function's own error is not retried
NO_RETRY = RetryPolicy(max_tries=1)


def policy(value: object) -> RetryPolicy:
    """The policy of `retry=`: a RetryPolicy, or an integer (tries in all)."""
    if isinstance(value, RetryPolicy):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return RetryPolicy(max_tries=value)
    raise ConfigurationError(f"retry={value!r} cannot be used: give RetryPolicy(...), or an integer: tries in all.")
