"""The token's file: one that was named has to be there, the one beside the signing key is made at the first start."""

from __future__ import annotations

import errno
import os
import secrets
import shlex
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
#: rights that nobody but the owner may have, and those that nobody may have where root, who reads all, has put it there
_FOREIGN, _FOREIGN_OF_ROOT = 0o077, 0o037


def own_token(path: Path) -> str:
    """The token of one's own file, which is made where there is none. Raises as `read_token` does."""
    if not os.path.lexists(path):
        _create(path)
    return read_token(path)


def read_token(path: Path) -> str:
    """The token of a file.

    Raises ConfigurationError, with the fix, for a file that is not there: a fresh token in its place would be one that
    no caller knows. And for one that others can read, or that holds no token.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigurationError(_unreadable(path, error)) from error
    try:
        _check(os.fstat(handle), path)
        text = os.read(handle, _LARGEST).decode("ascii", "replace").strip()
    finally:
        os.close(handle)
    if len(text) < LEAST or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            f"The token in {path} cannot be used: write one line of at least {LEAST} letters and digits, as "
            f"`{maker(path)}` does."
        )
    return text


def maker(path: Path) -> str:
    """The line for a shell that puts a fresh token there."""
    return f"(umask 077; python3 -c 'import secrets; print(secrets.token_hex())' > {shlex.quote(str(path))})"


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


def _unreadable(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return (
            f"There is no token {path}, which --token-file or NBQUEUE_TOKEN_FILE names: check the path, or make one "
            f"with `{maker(path)}`."
        )
    if error.errno == errno.ELOOP:
        return f"The token {path} is a symbolic link: give the file itself with --token-file, or a private copy of it."
    return f"The token {path} cannot be read ({error.strerror}): give a file that you can read with --token-file."


def _check(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"The token {path} is not a file: give a file with --token-file.")
    is_own, mode = found.st_uid == os.geteuid(), stat.S_IMODE(found.st_mode)
    if not is_own and found.st_uid != 0:
        raise ConfigurationError(
            f"The token {path} belongs to another user (uid {found.st_uid}): give a file of your own, or of root, with "
            "--token-file."
        )
    if mode & (_FOREIGN if is_own else _FOREIGN_OF_ROOT):
        raise ConfigurationError(
            f"The token {path} is open to others (mode {mode:o}): run `chmod {600 if is_own else 640} {path}`, and put "
            "a new token there if others may have read it."
        )
