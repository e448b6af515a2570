"""What a job of the joblib backend runs."""

from __future__ import annotations

from typing import Any


class Batch:
    """What a job runs: a batch of joblib's calls. It has the name of the function that these call."""

    def __init__(self, calls: Any) -> None:
        self.calls = calls
        self.__qualname__ = _name(calls)

    def __call__(self) -> list[Any]:
        """The results of all calls; the first error ends it."""
        found: list[Any] = self.calls()
        return found


def _name(calls: Any) -> str:
    """The name of the function that a batch calls, through the wrappers of others."""
    items = getattr(calls, "items", None)
    fn = items[0][0] if items else calls
    return str(getattr(fn, "__qualname__", None) or getattr(fn, "__name__", type(fn).__qualname__))
