"""How a magic speaks: what it says, what it refuses, and errors in one line."""

from __future__ import annotations

import sys
from typing import Any, NoReturn


def say(words: str) -> None:
    """Print a line."""
    sys.stdout.write(words + "\n")


def refuse(words: str) -> NoReturn:
    """What a person wrote cannot be meant: one sentence, and no traceback."""
    from IPython.core.error import UsageError  # IPython is there where a magic is called

    raise UsageError(words)


def without_frames(error: SyntaxError, shell: Any) -> Exception:
    """The same to look at as in a cell without a magic: IPython shows all its frames with a SyntaxError from within."""
    shown: list[str] = shell.SyntaxTB.structured_traceback(type(error), error, [])
    kind = type(type(error).__name__, (Exception,), {"_render_traceback_": lambda _: shown})
    found: Exception = kind(str(error))
    return found


def in_one_line(error: BaseException, line: str = "") -> None:
    """The sentence says it all; a traceback through this package helps nobody. One that shows itself is left alone."""
    shown = [line or f"{type(error).__name__}: {error}"]
    if "_render_traceback_" not in vars(error):
        error._render_traceback_ = lambda: shown  # type: ignore[attr-defined]
