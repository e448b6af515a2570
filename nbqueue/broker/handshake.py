"""Whether all who meet at a server sign with the same key: a signed mark there, left by the first, read by all.

Where a key was rotated the keys before it vouch in the mark for the new ones. Who still has only those knows by that
whose jobs it cannot read: those of the others, and not forged ones. A key that was removed is one of the others no
more, whoever still speaks of it, until it signs the mark again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from nbqueue.broker import checkup, outage
from nbqueue.broker.envelope import key_id_of, open_sealed, peek, seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.errors import ConfigurationError, TamperedPayload

logger = logging.getLogger("nbqueue.server")

#: how long a mark is kept after it was last read by a holder of its key
KEPT_MS = 30 * 86_400_000
_NAME = "mark"
#: of the keys that signed it before so many are remembered
_PAST = 20


class Mark:
    """Keeps the mark to the key that signs here, through rotations."""

    def __init__(self, keys: Keys, keyring: Keyring) -> None:
        self._keys, self._keyring = keys, keyring
        self._signed_by = ""

    @property
    def is_kept(self) -> bool:
        """Whether nothing is to be done."""
        return self._signed_by == self._keyring.ids[0]

    async def keep(self, client: Any) -> None:
        """Agree at first, and again when the key was rotated. Raises ConfigurationError where our keys do not fit."""
        if not self.is_kept:
            signing = self._keyring.ids[0]
            await agree(client, self._keys, self._keyring, instead_of=self._signed_by)
            self._signed_by = signing


async def agree(client: Any, keys: Keys, keyring: Keyring, *, instead_of: str = "") -> None:
    """Leave our mark where there is none. Raises ConfigurationError where there is one that our keys do not fit.

    Jobs signed with one key would otherwise be taken by workers that have another one, and fail there. A mark of a key
    that came after ours stays: who lags behind turns nobody back, but where that key is given up for ours.
    """
    first = keyring.ids[0]
    theirs, past = await _read(client, keys, keyring)
    if theirs is None and await client.set(keys.mark, _mark(keys, keyring), nx=True, px=KEPT_MS) is None:
        theirs, past = await _read(client, keys, keyring)  # another one came first, or what stands there is nonsense
    elif theirs is None:
        theirs = first
        await _take_back(client, keys, first)
    if theirs == first or (first in past and theirs != instead_of):
        with outage.full_passed_over():  # one that has no room can be read, and be asked to do what makes room
            await client.pexpire(keys.mark, KEPT_MS)
            await client.pexpire(keys.given_up, KEPT_MS)
    else:  # rotated, or nonsense: from now on it is signed with our first key
        gone = [each for each in (*past, theirs) if each and each != first]
        await client.set(keys.mark, _mark(keys, keyring, gone[-_PAST:]), px=KEPT_MS)
        await _take_back(client, keys, first)
    await _warn_of_losses(client)


async def give_up(client: Any, keys: Keys, key_id: str) -> None:
    """Let nobody wait for a key that was removed: what it had signed is refused wherever it is lacking.

    It stands beside the mark, as workers that have not read their file again yet may sign that anew at any moment.
    """
    await client.sadd(keys.given_up, key_id)
    await client.pexpire(keys.given_up, KEPT_MS)


async def _take_back(client: Any, keys: Keys, key_id: str) -> None:
    """It signs the mark: all are to have it again."""
    with contextlib.suppress(ResponseError):  # nothing of ours stands there
        await client.srem(keys.given_up, key_id)


async def _is_given_up(client: Any, keys: Keys, key_id: str) -> bool:
    try:
        return bool(await client.sismember(keys.given_up, key_id))
    except ResponseError as error:
        if not str(error).startswith("WRONGTYPE"):
            raise
        return False


async def _warn_of_losses(client: Any) -> None:
    """Say so where the server throws jobs away when it is full; whether it keeps a journal is its owner's choice."""
    with contextlib.suppress(ResponseError):
        found = checkup.room(await client.info("memory"))
        if found.mark == "wrong":
            logger.warning("The server may lose jobs: %s. `nbqueue doctor` looks at the rest.", found.said.rstrip("."))


async def compare(client: Any, keys: Keys, keyring: Keyring) -> str | None:
    """The key of the mark, None where there is none. Raises ConfigurationError where our keys do not fit it."""
    return (await _read(client, keys, keyring))[0]


async def behind(client: Any, keys: Keys, keyring: Keyring) -> str:
    """The key that the others sign with by now, where we have it and one before it still signs here; else empty."""
    theirs, past = await _read(client, keys, keyring)
    return theirs if theirs and keyring.ids[0] in past else ""


async def _read(client: Any, keys: Keys, keyring: Keyring) -> tuple[str | None, tuple[str, ...]]:
    """The key of the mark, and those that signed it before."""
    found = await _found(client, keys)
    theirs = key_id_of(found)
    if theirs is None:
        return None, ()
    past = _opened(found, theirs, keys, keyring).get("past")
    return theirs, tuple(map(str, past)) if isinstance(past, list) else ()


async def lacking(client: Any, keys: Keys, keyring: Keyring) -> str:
    """The key that the others sign with by now, if it is none of ours and one of ours vouches for it; else empty."""
    found = await _found(client, keys)
    theirs = key_id_of(found)
    return theirs if theirs and theirs in _vouched_for(found, keys, keyring) else ""


async def lacked_key(client: Any, keys: Keys, keyring: Keyring, error: Exception) -> str:
    """The key that a record was refused for want of, where the others have it.

    Empty for what was forged, and for a key that was removed.
    """
    unknown = error.unknown_key if isinstance(error, TamperedPayload) else ""
    if not unknown or unknown not in _vouched_for(await _found(client, keys), keys, keyring):
        return ""
    return "" if await _is_given_up(client, keys, unknown) else unknown


async def _found(client: Any, keys: Keys) -> bytes:
    """What stands in the place of the mark; empty where nothing of ours does."""
    try:
        return await client.get(keys.mark) or b""
    except ResponseError as error:
        if not str(error).startswith("WRONGTYPE"):
            raise
        return b""


def _mark(keys: Keys, keyring: Keyring, past: Sequence[str] = ()) -> bytes:
    """Our mark, after those of other keys. Every key that is accepted here vouches for all of them."""
    ids = list(keyring.ids)
    by = keyring.sign_by_each(*_vouched(keys, ids))
    return seal(
        keyring, {"kind": "mark", "ns": keys.namespace, "id": _NAME, "ids": ids, "by": by, "past": [*past]}, b""
    )


def _vouched_for(found: bytes, keys: Keys, keyring: Keyring) -> tuple[str, ...]:
    """The keys, none of ours, that a mark speaks of, which a key of ours vouches for; none where none does."""
    try:
        header = peek(found)
    except TamperedPayload:
        return ()
    by, ids = header.get("by"), header.get("ids")
    if not isinstance(by, dict) or not isinstance(ids, list):
        return ()
    parts = _vouched(keys, [str(each) for each in ids])
    if not any(keyring.verify(each, str(by.get(each)), *parts) for each in keyring.ids):
        return ()
    return tuple(each for each in ids if each not in keyring.ids)


def _vouched(keys: Keys, ids: Sequence[str]) -> tuple[bytes, ...]:
    return b"nbqueue mark 2\n", keys.namespace.encode(), b"\n", ",".join(ids).encode("utf-8", "replace")


def _opened(found: bytes, theirs: str, keys: Keys, keyring: Keyring) -> dict[str, Any]:
    """What a mark says that a key of ours signed."""
    try:
        return open_sealed(keyring, found, kind="mark", namespace=keys.namespace, job_id=_NAME).header
    except TamperedPayload:
        raise ConfigurationError(
            f"The jobs on this server are signed with key {theirs}, and the key here is {', '.join(keyring.ids)}: use "
            "the same key file on both sides (NBQUEUE_KEY_FILE). Whoever has it, mostly who runs the workers, prints "
            "it with `nbqueue signing-key export`, and `nbqueue signing-key import` takes it in here. If nobody has it "
            "any more, docs/servers.md says how to begin anew."
        ) from None
