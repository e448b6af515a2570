"""The file of the signing keys: made on first use, private, changed in one step, and checked at each reading."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nbqueue.errors import ConfigurationError

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
_SECRET = re.compile(r"[0-9a-f]{64}\Z")
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_LARGEST_FILE_BYTES = 65_536
#: when a file was last changed, as far as the file system tells; None: there is none
Stamp = tuple[int, int, int, int] | None


def load(path: Path) -> dict[str, bytes]:
    """The keys of a file by their ids, the signing one first; the file is made where there is none.

    Raises ConfigurationError, with the fix, for a file or folder that others can read or change.
    """
    make(path)
    return read(path)


def make(path: Path) -> bool:
    """Put a file with a fresh key there; False where there is one already."""
    _make_folder(path.parent)
    _check_folder(path.parent)
    return not os.path.lexists(path) and _create(path)


def found(path: Path) -> dict[str, bytes] | None:
    """The same as `load`, where there is a file; else None, and nothing is made."""
    if stamp(path) is None:
        return None
    _check_folder(path.parent)
    return read(path)


def read(path: Path) -> dict[str, bytes]:
    """The keys of a file that is there, by their ids, the signing one first."""
    found = parsed(_read_private(path), f"the signing key {path}")
    if not found:
        raise ConfigurationError(
            f"The signing key {path} holds no key: delete the file to have a new one made, or restore it from a copy."
        )
    return found


def replace(path: Path, keys: Mapping[str, bytes]) -> None:
    """Let a file hold these keys from now on, in one step: who reads meanwhile finds the old ones or the new ones."""
    draft = _draft(path)
    try:
        _write_private(draft, text(keys))
        try:
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Nobody else changes the keys within the block."""
    import fcntl

    _make_folder(path.parent)
    _check_folder(path.parent)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def stamp(path: Path) -> Stamp:
    """What tells one state of a file from the next."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def text(keys: Mapping[str, bytes]) -> str:
    """Keys as the lines of a file."""
    return "".join(f"{key_id} {key.hex()}\n" for key_id, key in keys.items())


def new_key() -> dict[str, bytes]:
    """A fresh key by its id."""
    return {secrets.token_hex(4): secrets.token_bytes(32)}


def new_key_line() -> str:
    """A fresh key as a line of a key file."""
    return text(new_key())


def parsed(data: bytes, source: str) -> dict[str, bytes]:
    """The keys of a file's text. What is wrong is told by its line number alone."""
    keys: dict[str, bytes] = {}
    for number, line in enumerate(data.decode("ascii", "replace").splitlines(), start=1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 2 or not _KEY_ID.match(words[0]) or not _SECRET.match(words[1]) or words[0] in keys:  # noqa: PLR2004
            raise ConfigurationError(
                f"Line {number} of {source} cannot be used: "
                "write a key id of its own, a space and 64 hexadecimal digits."
            )
        keys[words[0]] = bytes.fromhex(words[1])
    return keys


def _make_folder(folder: Path) -> None:
    """Create the missing folders, each for its owner alone whatever the umask."""
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} of the signing key cannot be made ({error.strerror}): "
            "set NBQUEUE_HOME, or NBQUEUE_KEY_FILE for the key alone, to a place you can write to."
        ) from error


def _check_folder(folder: Path) -> None:
    """Refuse a folder in which others could put another key."""
    found = folder.stat()
    if _is_foreign(found):
        raise ConfigurationError(
            f"The folder {folder} of the signing key belongs to another user (uid {found.st_uid}): "
            "keep the key in a folder of your own."
        )
    if os.name == "posix" and found.st_mode & 0o022:
        raise ConfigurationError(
            f"The folder {folder} of the signing key can be written to by others "
            f"(mode {stat.S_IMODE(found.st_mode):o}): run `chmod go-w {folder}`, or keep the key elsewhere."
        )


def _create(path: Path) -> bool:
    """Put a fresh key at `path` in one step; whoever is first wins, and all use the winner's."""
    draft = _draft(path)
    try:
        _write_private(draft, new_key_line())
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}")


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The signing key {path} cannot be written ({error.strerror}): "
        "set NBQUEUE_HOME, or NBQUEUE_KEY_FILE for the key alone, to a place you can write to."
    )


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name outlive a power cut."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_private(path: Path) -> bytes:
    """The file's bytes, where it is a plain file that its owner alone can read."""
    try:
        handle = os.open(path, os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise ConfigurationError(_unreadable(path, error)) from error
    try:
        _check_file(os.fstat(handle), path)
        return os.read(handle, _LARGEST_FILE_BYTES)
    finally:
        os.close(handle)


def _unreadable(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"The signing key {path} is a symbolic link: set NBQUEUE_KEY_FILE to the file itself."
    return f"The signing key {path} cannot be read ({error.strerror}): set NBQUEUE_KEY_FILE to a file you can read."


def _check_file(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"The signing key {path} is not a file: set NBQUEUE_KEY_FILE to a file.")
    if _is_foreign(found):
        raise ConfigurationError(
            f"The signing key {path} belongs to another user (uid {found.st_uid}): "
            f"use a key file of your own, or run `chown {os.geteuid()} {path}`."
        )
    if os.name == "posix" and found.st_mode & 0o077:
        raise ConfigurationError(
            f"The signing key {path} is open to others (mode {stat.S_IMODE(found.st_mode):o}): "
            f"run `chmod 600 {path}`, and replace the key if others may have read it."
        )


def _is_foreign(found: os.stat_result) -> bool:
    return os.name == "posix" and found.st_uid != os.geteuid()
