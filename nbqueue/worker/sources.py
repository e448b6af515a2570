"""The Python files that a worker's code may come from, and whether one of them has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

#: folders that hold what others wrote, or what is made
LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})
#: files that are looked at; in a larger folder the rest is not
MOST_FILES = 20_000

#: path -> when it was written, and its size
_Look = dict[str, tuple[int, int]]


class Sources:
    """The .py files below some folders, as they were when last looked at."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._known = self._look()

    def changed(self) -> list[str]:
        """The files that are new, gone or written anew since the last call, in order."""
        before, self._known = self._known, self._look()
        return sorted({path for path, _ in before.items() ^ self._known.items()})

    def _look(self) -> _Look:
        found: _Look = {}
        for folder in self._folders:
            for path, names, files in os.walk(folder):
                names[:] = [name for name in names if name not in LEFT_OUT and not name.startswith(".")]
                for name in files:
                    if name.endswith(".py") and len(found) < MOST_FILES:
                        _note(found, os.path.join(path, name))  # noqa: PTH118 - a Path each would take ten times as long
        return found


def _note(found: _Look, path: str) -> None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return  # it went meanwhile
    found[path] = (status.st_mtime_ns, status.st_size)
