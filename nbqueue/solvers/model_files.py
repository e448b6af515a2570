"""Models as files of a standard format: read from a path, from text or from bytes, compressed or not."""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from nbqueue.errors import InvalidModel

_GZIP = b"\x1f\x8b"
#: how a file of a format begins, after comments; anything else is LP
_BEGINNINGS = {"mps": ("NAME", "ROWS", "OBJSENSE", "OBJNAME"), "cip": ("STATISTICS",)}
_COMMENT = "*"


def is_file_like(model: Any) -> bool:
    """Whether it may be a path, a text or bytes."""
    return isinstance(model, str | bytes | bytearray | os.PathLike)


def is_path(model: Any) -> TypeGuard[str | os.PathLike[str]]:
    """Whether it is a path: text has several lines."""
    return isinstance(model, os.PathLike) or (isinstance(model, str) and "\n" not in model)


@contextlib.contextmanager
def readable(model: Any, solver: str, formats: Sequence[str]) -> Iterator[Path]:
    """A file that the solver can read: one of these formats, named after it, not compressed.

    Args:
        model: a path; or the text, or the bytes of a file, gzip-compressed or not.
        solver: who reads it, for errors.
        formats: what it reads, for example "mps" and "lp".

    Raises:
        InvalidModel: there is no such file, or it is of another format.
    """
    path = _path(model, solver)
    suffixes = [] if path is None else path.suffixes
    if path is not None and suffixes[-1:] != [".gz"] and _known(suffixes, formats):
        yield path
        return
    data = _bytes(model) if path is None else _content(path, solver)
    text = gzip.decompress(data) if data.startswith(_GZIP) else data
    kind = _known([each for each in suffixes if each != ".gz"], formats) or _format(text)
    if kind not in formats:
        raise InvalidModel(f"{solver} cannot read a model in the format {kind}: give one of {', '.join(formats)}.")
    with tempfile.TemporaryDirectory(prefix="nbqueue-model-") as folder:
        file = Path(folder) / f"model.{kind}"
        file.write_bytes(text)
        yield file


def _path(model: Any, solver: str) -> Path | None:
    if not is_path(model):
        return None
    path = Path(model)
    if isinstance(model, str) and not path.exists():
        _content(path, solver)
    return path


def _content(path: Path, solver: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidModel(
            f'{solver} cannot read the model file "{path}": {error.strerror}. A job reads it on the machine of its '
            "worker: give its contents instead, Path(...).read_bytes()."
        ) from None


def _bytes(model: Any) -> bytes:
    return model.encode() if isinstance(model, str) else bytes(model)


def _known(suffixes: Sequence[str], formats: Sequence[str]) -> str:
    kind = suffixes[-1].removeprefix(".").lower() if suffixes else ""
    return kind if kind in formats else ""


def _format(text: bytes) -> str:
    lines = (line.strip() for line in text.decode("utf-8", "replace").splitlines())
    first = next((line for line in lines if line and not line.startswith(_COMMENT)), "")
    return next((kind for kind, words in _BEGINNINGS.items() if first.upper().startswith(words)), "lp")
