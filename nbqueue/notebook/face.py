"""How jobs and groups are shown wherever this process runs: cards in a notebook, bars in a terminal."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol


class Face(Protocol):
    """Shows jobs and groups."""

    def show(self, subject: Any, /) -> None:
        """Show the live card or bar of a job or group, now."""
        ...

    def display(self, subject: Any, /) -> None:
        """Show what stands for a handle at the end of a cell."""
        ...

    def settle(self, subject: Any, /) -> None:
        """Publish the end: whoever waited has it in hand."""
        ...

    def stop(self) -> None:
        """Show nothing any more of what is shown now."""
        ...


class ProcessFace:
    """The face of this process. Costs nothing to make: what draws is imported when something is drawn."""

    def show(self, subject: Any) -> None:
        """Show the live card or bar of a job or group, now."""
        _here().show(subject)

    def display(self, subject: Any) -> None:
        """Show what stands for a handle at the end of a cell."""
        _here().display(subject)

    def settle(self, subject: Any) -> None:
        """Publish the end: whoever waited has it in hand."""
        if _has_shown():
            _here().settle(subject)

    def stop(self) -> None:
        """Show nothing any more of what is shown now."""
        if _has_shown():
            _here().stop()

    def say(self, words: str, /) -> None:
        """Say a line in a cell, or at the prompt of IPython; a script has its own words."""
        from nbqueue.notebook.publish import shell
        from nbqueue.notebook.slips import say

        if shell() is not None:
            say(words)


def _has_shown() -> bool:
    """Whether anything was ever shown; where not, what draws need not be loaded."""
    return bool(_cards.cache_info().currsize or _bars.cache_info().currsize)


def _here() -> Face:
    from nbqueue.notebook.publish import in_kernel

    return _cards() if in_kernel() else _bars()


@lru_cache(maxsize=1)
def _cards() -> Face:
    from nbqueue.notebook.cards import Cards

    return Cards()


@lru_cache(maxsize=1)
def _bars() -> Face:
    from nbqueue.notebook.bars import Bars

    return Bars()
