"""Work with facts that a test sets by hand: data in the shape that a job's and a group's `live()` give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbqueue.model.job import JobRecord
from nbqueue.model.states import State


@dataclass(kw_only=True)
class JobFacts:
    """The facts of a job."""

    record: JobRecord
    log_tail: str = ""
    reconnecting: bool = False
    version: int = 0
    closed: bool = False

    def close(self) -> None:
        """Note that nobody follows any more."""
        self.closed = True


@dataclass(kw_only=True)
class GroupFacts:
    """The facts of a group."""

    counts: Mapping[State, int]
    total: int
    reconnecting: bool = False
    version: int = 0
    closed: bool = False

    def close(self) -> None:
        """Note that nobody follows any more."""
        self.closed = True


@dataclass(kw_only=True)
class GivenWork:
    """A job or a group with given facts; counts how often its end was asked for."""

    facts: Any
    id: str = "j1"
    cancels: int = field(default=0)

    def live(self) -> Any:
        """The facts."""
        return self.facts

    def cancel(self) -> None:
        """Note it."""
        self.cancels += 1

    def becomes(self, **facts: Any) -> None:
        """Other facts from now on."""
        for name, value in facts.items():
            setattr(self.facts, name, value)
        self.facts.version += 1
