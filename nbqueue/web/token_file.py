"""The token's file: made at the first start beside the signing key, for its owner alone."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from nbqueue.errors import ConfigurationError

#: its name beside the signing key
NAME = "web.token"
#: characters of a token at least: what is shorter could be guessed
LEAST = 16
#: bytes of a file at most
_LARGEST = 4096
_TOKEN_BYTES = 32
#: rights that nobody but the owner may have
_FOREIGN = 0o077


def read_token(path: Path) -> str:
    """The token of a file, which is made where there is none.

    Raises ConfigurationError, with the fix, for a file that others can read, or that holds no token.
    """
    if not os.path.lexists(path):
        _create(path)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigurationError(
                f"The token {path} is a symbolic link: give the file itself with --token-file, or a private copy of it."
            ) from error
        raise ConfigurationError(
            f"The token {path} cannot be read ({error.strerror}): give a file of your own with --token-file."
        ) from error
    try:
        _check(os.fstat(handle), path)
        text = os.read(handle, _LARGEST).decode("ascii", "replace").strip()
    finally:
        os.close(handle)
    if len(text) < LEAST or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            f"The token in {path} cannot be used: write one line of at least {LEAST} letters and digits, or delete the "
            "file to have a new one made."
        )
    return text


def _create(path: Path) -> None:
    """Put a fresh token at `path` in one step: of two that start at once both use the same."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"The token {path} cannot be written ({error.strerror}): give a place you can write to with --token-file."
        ) from error


def _check(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"The token {path} is not a file: give a file with --token-file.")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"The token {path} belongs to another user (uid {found.st_uid}): give a file of your own with --token-file."
        )
    if found.st_mode & _FOREIGN:
        raise ConfigurationError(
            f"The token {path} is open to others (mode {stat.S_IMODE(found.st_mode):o}): run `chmod 600 {path}`, and "
            "delete the file to have a new one made if others may have read it."
        )
