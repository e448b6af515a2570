"""A line below the running cell of a notebook that changes as something goes on; elsewhere nothing."""

from __future__ import annotations

import asyncio
import sys
from html import escape
from typing import Any

#: characters of a study's name in a line
_NAME = 40
#: characters of an error in a line
_CHARACTERS = 120
#: begins the names that optuna makes up
_UNNAMED = "no-name-"


class Notice:
    """Shown when it first has something to tell."""

    def __init__(self) -> None:
        self._shown: Any = None

    def tell(self, done: int, total: int | None, words: str) -> None:
        """Show how far it is; without a total the bar only moves."""
        if not _is_notebook():
            return
        from IPython.display import display

        most = f' max="{total}"' if total else ""
        value = f' value="{done}"' if total else ""
        data = {"text/plain": words, "text/html": f"<progress{value}{most}></progress> {escape(words)}"}
        if self._shown is None:
            self._shown = display(data, raw=True, display_id=True)
        else:
            self._shown.update(data, raw=True)


def short_name(name: str) -> str:
    """A study's name as a line has room for it: optuna's own names say nothing, and of a long one both ends do."""
    if name.startswith(_UNNAMED):
        return "study"
    return name if len(name) <= _NAME else f"{name[: _NAME // 2]}…{name[-_NAME // 2 + 1 :]}"


def end_words(error: BaseException) -> str:
    """What ended all, in few words."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    lines = str(error).strip().splitlines()
    words = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return f"ended by {words if len(words) <= _CHARACTERS else f'{words[: _CHARACTERS - 1]}…'}"


def _is_notebook() -> bool:
    """Whether the code runs in a kernel, whose front end can change what it shows."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
