"""The signing keys: read from a private file, made on first use, and used to sign and to verify."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from nbqueue.errors import ConfigurationError, NotSendable

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
_SECRET = re.compile(r"[0-9a-f]{64}\Z")
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_LARGEST_FILE_BYTES = 65_536
#: from this size on the parts are hashed one by one, which saves joining them
_JOINED_BYTES = 65_536
_BLOCK_BYTES = 64


class _Mac:
    """HMAC-SHA256 (RFC 2104) with a key hashed once; `hmac.digest` does that at each call, which doubles its time."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _BLOCK_BYTES else hashlib.sha256(key).digest()).ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def hexdigest(self, parts: tuple[bytes, ...]) -> str:
        """The code of the parts as if they were joined."""
        inner, outer = self._inner.copy(), self._outer.copy()
        if sum(map(len, parts)) < _JOINED_BYTES:
            inner.update(b"".join(parts))
        else:
            for part in parts:
                inner.update(part)
        outer.update(inner.digest())
        return outer.hexdigest()


_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
#: stands in for an unknown key, so that refusing one takes as long as refusing a signature
_NO_KEY = _Mac(secrets.token_bytes(32))


class Keyring:
    """One or more secret keys: the first signs, all verify. It shows its key ids, never a key."""

    __slots__ = ("_keys", "_signing_id")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: _Mac(key) for key_id, key in keys.items()}
        if not self._keys:
            raise ConfigurationError("A keyring needs at least one key.")
        self._signing_id = next(iter(self._keys))

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """The keys of a file, one `<key id> <64 hex>` a line; the file is made where there is none.

        Raises ConfigurationError, with the fix, for a file or folder that others can read or change.
        """
        _make_folder(path.parent)
        _check_folder(path.parent)
        if not os.path.lexists(path):
            _create(path)
        return cls(_keys_of(_read_private(path), path))

    @property
    def ids(self) -> tuple[str, ...]:
        """The key ids; the first one signs."""
        return tuple(self._keys)

    def sign(self, *parts: bytes) -> tuple[str, str]:
        """The signing key's id, and the HMAC-SHA256 of the parts as if they were joined, in hex."""
        return self._signing_id, self._keys[self._signing_id].hexdigest(parts)

    def verify(self, key_id: str, signature: str, *parts: bytes) -> bool:
        """Whether the key of that id signed the parts. An unknown id takes as long and is False."""
        mac = self._keys.get(key_id)
        found = (mac or _NO_KEY).hexdigest(parts)
        return hmac.compare_digest(found.encode(), signature.encode("ascii", "replace")) and mac is not None

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """A secret of 32 bytes for that purpose from each key, the signing one first; none tells of its key."""
        return tuple(
            bytes.fromhex(mac.hexdigest((b"nbqueue derived\n", purpose.encode()))) for mac in self._keys.values()
        )

    def __repr__(self) -> str:
        return f"Keyring(ids={list(self._keys)})"

    def __reduce__(self) -> NoReturn:
        """A key never leaves its process."""
        raise NotSendable("A signing key cannot be sent: load it from its file where it is needed.")


def new_key_line() -> str:
    """A fresh key as a line of a key file."""
    return f"{secrets.token_hex(4)} {secrets.token_hex(32)}\n"


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


def _create(path: Path) -> None:
    """Put a fresh key at `path` in one step; whoever is first wins, and all use the winner's."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        _write_private(draft, new_key_line())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigurationError(
            f"The signing key {path} cannot be written ({error.strerror}): "
            "set NBQUEUE_HOME, or NBQUEUE_KEY_FILE for the key alone, to a place you can write to."
        ) from error


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


def _keys_of(data: bytes, path: Path) -> dict[str, bytes]:
    """The keys of a file's text. What is wrong is told by its line number alone."""
    keys: dict[str, bytes] = {}
    for number, line in enumerate(data.decode("ascii", "replace").splitlines(), start=1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 2 or not _KEY_ID.match(words[0]) or not _SECRET.match(words[1]) or words[0] in keys:  # noqa: PLR2004
            raise ConfigurationError(
                f"Line {number} of the signing key {path} cannot be used: "
                "write a key id of its own, a space and 64 hexadecimal digits."
            )
        keys[words[0]] = bytes.fromhex(words[1])
    if not keys:
        raise ConfigurationError(
            f"The signing key {path} holds no key: delete the file to have a new one made, or restore it from a copy."
        )
    return keys
