"""Which dashboards this process shows: of each server one that lives, and the last picture of those that have ended."""

from __future__ import annotations

import threading
from typing import Generic, Protocol, TypeVar

from nbqueue.client.session import Session


class Board(Protocol):
    """A dashboard. None of its methods raises."""

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        ...

    def serves(self, of: Session) -> bool:
        """Whether its server is that of a session."""
        ...

    def end(self) -> None:
        """Leave plain tables where it lived."""
        ...

    def forget(self) -> None:
        """Take away what is left of it but for what is saved."""
        ...


B = TypeVar("B", bound=Board)


class Shown(Generic[B]):
    """Dashboards that were shown live and may have widgets in the page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._boards: tuple[B, ...] = ()

    def of(self, session: Session) -> B | None:
        """The one that lives of a session's server."""
        with self._lock:
            boards = self._boards
        return next((each for each in boards if each.is_open and each.serves(session)), None)

    def add(self, board: B, session: Session) -> None:
        """Show this one, and no other of its server; of those that have ended only what is saved stays."""
        with self._lock:
            others = [each for each in self._boards if each is not board]
            gone = [each for each in others if not each.is_open or each.serves(session)]
            self._boards = (*(each for each in others if each not in gone), board)
        _end(gone)

    def clear(self) -> tuple[B, ...]:
        """Show none any more; those that were."""
        with self._lock:
            gone, self._boards = self._boards, ()
        _end(gone)
        return gone


def _end(boards: tuple[B, ...] | list[B]) -> None:
    for each in boards:
        each.end()
        each.forget()
