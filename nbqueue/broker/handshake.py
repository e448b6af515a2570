"""Whether all who meet at a server sign with the same key: a signed mark there, left by the first, read by all."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from redis.exceptions import ResponseError

from nbqueue.broker import checkup
from nbqueue.broker.envelope import key_id_of, open_sealed, seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.errors import ConfigurationError, TamperedPayload

logger = logging.getLogger("nbqueue.server")

#: how long a mark is kept after it was last read by a holder of its key
KEPT_MS = 30 * 86_400_000
_NAME = "mark"


async def agree(client: Any, keys: Keys, keyring: Keyring) -> None:
    """Leave our mark where there is none. Raises ConfigurationError where there is one that our keys do not fit.

    Jobs signed with one key would otherwise be taken by workers that have another one, and fail there.
    """
    ours = seal(keyring, {"kind": "mark", "ns": keys.namespace, "id": _NAME}, b"")
    await client.set(keys.mark, ours, nx=True, px=KEPT_MS)
    theirs = await compare(client, keys, keyring)
    if theirs != keyring.ids[0]:  # rotated, or nonsense: from now on it is signed with our first key
        await client.set(keys.mark, ours, px=KEPT_MS)
    else:
        await client.pexpire(keys.mark, KEPT_MS)
    await _warn_of_losses(client)


async def _warn_of_losses(client: Any) -> None:
    """Say so where the server throws jobs away when it is full; whether it keeps a journal is its owner's choice."""
    with contextlib.suppress(ResponseError):
        found = checkup.room(await client.info("memory"))
        if found.mark == "wrong":
            logger.warning("The server may lose jobs: %s. `nbqueue doctor` looks at the rest.", found.said.rstrip("."))


async def compare(client: Any, keys: Keys, keyring: Keyring) -> str | None:
    """The key of the mark, None where there is none. Raises ConfigurationError where our keys do not fit it."""
    try:
        found: bytes | None = await client.get(keys.mark)
    except ResponseError as error:
        if not str(error).startswith("WRONGTYPE"):
            raise
        return None
    theirs = key_id_of(found) if found else None
    if theirs is not None and found is not None:
        _check(found, theirs, keys, keyring)
    return theirs


def _check(found: bytes, theirs: str, keys: Keys, keyring: Keyring) -> None:
    try:
        open_sealed(keyring, found, kind="mark", namespace=keys.namespace, job_id=_NAME)
    except TamperedPayload:
        raise ConfigurationError(
            f"The jobs on this server are signed with key {theirs}, and the key here is {', '.join(keyring.ids)}: use "
            "the same key file on both sides (NBQUEUE_KEY_FILE). Whoever has it, mostly who runs the workers, prints "
            "it with `nbqueue signing-key export`, and `nbqueue signing-key import` takes it in here. If nobody has it "
            "any more, docs/servers.md says how to begin anew."
        ) from None
