"""Paths as they are given: what is none is refused in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown


def checked(path: object, what: str = "path") -> Path:
    """An absolute path; raises ConfigurationError for what is none, as a frame where a file's name is to be."""
    if isinstance(path, str | os.PathLike) and os.fspath(path):
        return Path(path).expanduser().absolute()
    raise ConfigurationError(
        f"{what}={_told(path)} is no path: give one. (A frame is written by export_csv(df, path) and its like.)"
    )


def _told(value: object) -> str:
    """What it is; a frame is long."""
    return shown(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
