"""How many callers may wait at once: those over it are told to come again, and hold nothing up."""

from __future__ import annotations

from types import TracebackType

from nbqueue.web.problems import Problem


class Turns:
    """So many places; `with` takes one, or refuses with 503."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken = 0

    def __enter__(self) -> None:
        if self._taken >= self._most:
            raise Problem(
                503, f"{self._most} {self._what} already: ask again soon, or start another web server.",
                headers={"Retry-After": "5"},
            )  # fmt: skip
        self._taken += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._taken -= 1
