"""Writes frames to a file that appears whole under its name, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import pandas as pd

from nbqueue.analysis.files.paths import checked
from nbqueue.errors import ConfigurationError

#: the name of a file or folder that is under way, and how old it gets where its writer was killed
_PART = re.compile(r"\.nbqueue-[a-z0-9_]{8,12}\.part\Z")
_PART_S = 86_400


class Format(Protocol):
    """What turns frames into the bytes of one file, which was given to it open."""

    def add(self, df: pd.DataFrame) -> None:
        """Write the rows of a frame; all frames of a file have the same columns."""

    def close(self) -> None:
        """Write what comes after the last row; the file stays open."""

    def drop(self) -> None:
        """Forget what is kept beside the file; called last, also after a `close()`, and never raises."""


class Writer:
    """One file under way: `add` frames, then `close`; as a context manager it does that, or drops it after an error.

    It is written beside its place under another name, and moved there once it is on the disk.
    """

    def __init__(self, path: str | os.PathLike[str], begin: Callable[[IO[bytes]], Format]) -> None:
        """Begin a file.

        Args:
            path: where it is to be.
            begin: makes the format for the open file.

        Raises:
            ConfigurationError: the folder does not exist or cannot be written to, or a library is missing.
        """
        self.target = checked(path)
        self._part = self.target.with_name(f".nbqueue-{secrets.token_hex(6)}.part")
        _sweep(self.target.parent)
        try:
            if self.target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._file = self._part.open("wb")
        except OSError as error:
            raise self._refused(error) from error
        try:
            self._format = begin(self._file)
        except BaseException:
            self._leave()
            raise

    def add(self, df: pd.DataFrame) -> None:
        """Write the rows of a frame after those before."""
        try:
            self._format.add(df)
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> Path:
        """End the file and put it into its place; gives that place. After an error nothing is left of it."""
        try:
            self._format.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self.target)
        except OSError as error:
            raise self._refused(error) from error
        finally:
            self.drop()
        sync_folder(self.target.parent)
        return self.target

    def drop(self) -> None:
        """Leave nothing of what is not in its place."""
        self._format.drop()
        self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.drop()

    def _leave(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: what is still to be written is not wanted
            self._file.close()
        with contextlib.suppress(OSError):  # it is in its place
            self._part.unlink()

    def _refused(self, error: OSError) -> ConfigurationError:
        todo = "Give a path in a folder of yours."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            todo = "Make room there, or give a path on another disk."
        return ConfigurationError(f"{self.target} cannot be written: {error.strerror or error}. {todo}")


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _sweep(folder: Path) -> None:
    """Remove what writers of this user left that were killed more than a day ago."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for each in found:
            with contextlib.suppress(OSError):
                if _PART.match(each.name) and _is_left(each.stat(follow_symlinks=False)):
                    shutil.rmtree(each.path) if each.is_dir(follow_symlinks=False) else Path(each.path).unlink()


def _is_left(status: os.stat_result) -> bool:
    is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    is_plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return is_plain and is_own and time.time() - status.st_mtime > _PART_S
