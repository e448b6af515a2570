"""How long the history of a queue is kept, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from nbqueue.errors import ConfigurationError
from nbqueue.model import durations
from nbqueue.model.names import shown

#: what ended within so many seconds is kept whatever else is said
LEAST_S = 3600.0
#: the most attempts that can be asked for
MOST = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is beyond either of the two is forgotten, the oldest first."""

    #: seconds since an attempt ended
    age_s: float = 30 * 86_400.0
    #: attempts of the queue
    attempts: int = 100_000

    def to_wire(self) -> str:
        """As the server keeps it."""
        return f"{round(self.age_s * 1000)} {self.attempts}"

    @classmethod
    def from_wire(cls, text: str) -> Retention:
        """From what `to_wire` gave. Raises ValueError for anything else."""
        age_ms, attempts = text.split(" ")
        return cls(age_s=int(age_ms) / 1000, attempts=int(attempts))

    def __str__(self) -> str:
        return f"{durations.in_words(self.age_s)}, {self.attempts:,} attempts"


def check(age: object = None, attempts: object = None) -> Retention:
    """The retention with what is given, each checked; what is not is as usual."""
    usual = Retention()
    return Retention(
        age_s=usual.age_s if age is None else durations.seconds(age, "age", least=LEAST_S),
        attempts=usual.attempts if attempts is None else _attempts(attempts),
    )


def _attempts(attempts: object) -> int:
    if isinstance(attempts, int) and not isinstance(attempts, bool) and 0 <= attempts <= MOST:
        return attempts
    raise ConfigurationError(f"attempts={shown(attempts)} cannot be used: give a whole number from 0 to {MOST:,}.")
