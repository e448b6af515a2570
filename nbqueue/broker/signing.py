"""The signing keys in use: they sign and verify, and follow their file while a process runs."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from nbqueue.broker import key_file
from nbqueue.errors import ConfigurationError, NotSendable

#: how often the file of the keys is looked at; at once for a key that is not known
LOOK_S = 1.0
#: from this size on the parts are hashed one by one, which saves joining them
_JOINED_BYTES = 65_536
_BLOCK_BYTES = 64

logger = logging.getLogger("nbqueue.keys")


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

    __slots__ = ("_held", "_is_empty", "_source")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._held = _hashed(keys)
        self._source: _Source | None = None
        self._is_empty = False

    @classmethod
    def load(cls, path: Path, *, clock: Callable[[], float] = time.monotonic) -> Keyring:
        """The keys of a file, one `<key id> <64 hex>` a line; the file is made where there is none.

        Changes of the file are taken up within a second. One that cannot be used is logged and leaves the keys as they
        are. Raises ConfigurationError, with the fix, for a file or folder that others can read or change.
        """
        key_file.make(path)
        return cls._following(path, clock, made=True)

    @classmethod
    def look(cls, path: Path, *, clock: Callable[[], float] = time.monotonic) -> Keyring:
        """The same for who only looks: where there is no file none is made, and nothing verifies until one comes."""
        return cls._following(path, clock, made=False)

    @classmethod
    def _following(cls, path: Path, clock: Callable[[], float], *, made: bool) -> Keyring:
        # begun before the keys are read: a change in between is seen later
        source = _Source(path, clock)
        keys = key_file.read(path) if made else key_file.found(path)
        found = cls(keys or key_file.new_key())
        found._source, found._is_empty = source, keys is None
        return found

    @property
    def is_empty(self) -> bool:
        """Whether there is no key to read anything with."""
        return self._is_empty

    @property
    def ids(self) -> tuple[str, ...]:
        """The key ids; the first one signs."""
        return tuple(self._keys())

    def sign(self, *parts: bytes) -> tuple[str, str]:
        """The signing key's id, and the HMAC-SHA256 of the parts as if they were joined, in hex."""
        key_id, mac = next(iter(self._keys().items()))
        return key_id, mac.hexdigest(parts)

    def sign_by_each(self, *parts: bytes) -> dict[str, str]:
        """The signature of the parts by each key, by the key's id; the signing key first."""
        return {key_id: mac.hexdigest(parts) for key_id, mac in self._keys().items()}

    def verify(self, key_id: str, signature: str, *parts: bytes) -> bool:
        """Whether the key of that id signed the parts. An unknown id takes as long and is False."""
        mac = self._keys().get(key_id) or self._keys(at_once=True).get(key_id)
        found = (mac or _NO_KEY).hexdigest(parts)
        return hmac.compare_digest(found.encode(), signature.encode("ascii", "replace")) and mac is not None

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """A secret of 32 bytes for that purpose from each key, the signing one first; none tells of its key."""
        return tuple(
            bytes.fromhex(mac.hexdigest((b"nbqueue derived\n", purpose.encode()))) for mac in self._keys().values()
        )

    def _keys(self, *, at_once: bool = False) -> dict[str, _Mac]:
        """The keys in force, the file looked at if it is time."""
        if self._source is not None and (found := self._source.changed(at_once=at_once)):
            self._held, self._is_empty = _hashed(found), False
        return self._held

    def __repr__(self) -> str:
        return f"Keyring(ids={list(self._held)})"

    def __reduce__(self) -> NoReturn:
        """A key never leaves its process."""
        raise NotSendable("A signing key cannot be sent: load it from its file where it is needed.")


class _Source:
    """The file that a keyring came from."""

    __slots__ = ("_clock", "_look_at", "_path", "_stamp")

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock, self._stamp = path, clock, key_file.stamp(path)
        self._look_at = clock() + LOOK_S

    def changed(self, *, at_once: bool) -> dict[str, bytes] | None:
        """The keys of the file if it is another one than before and can be used."""
        now = self._clock()
        if not at_once and now < self._look_at:
            return None
        self._look_at = now + LOOK_S
        stamp = key_file.stamp(self._path)
        if stamp == self._stamp:
            return None
        before, self._stamp = self._stamp, stamp
        try:
            return key_file.found(self._path) if before is None else key_file.read(self._path)
        except ConfigurationError as error:
            logger.warning("The signing keys stay as they were read before: %s", error)
            return None


def _hashed(keys: Mapping[str, bytes]) -> dict[str, _Mac]:
    if not keys:
        raise ConfigurationError("A keyring needs at least one key.")
    return {key_id: _Mac(key) for key_id, key in keys.items()}
