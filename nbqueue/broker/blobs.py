"""Large pieces of calls in the server: sent once, kept as long as jobs use them, read once by each worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbqueue.broker.bounds import BLOB_MS
from nbqueue.broker.keys import Keys

#: how long one is kept that no job came for
KEPT_MS = 3_600_000
#: what is read of one in one round trip
PART_BYTES = 8_000_000
#: the first word of the answer to a submit where some are missing
_MISSING = "BLOBS"


class BlobsMissing(Exception):
    """A submit came before large pieces of its calls; nothing of it was accepted."""

    def __init__(self, digests: Sequence[str]) -> None:
        super().__init__(f"{len(digests)} blobs are not in the server")
        self.digests = digests


def not_missing(reply: Sequence[bytes]) -> list[str]:
    """The answer to a submit as text; raises BlobsMissing where it is that some have to be sent first."""
    found = [item.decode() for item in reply]
    if found and found[0] == _MISSING:
        raise BlobsMissing(found[1:])
    return found


async def missing(client: Any, keys: Keys, digests: Sequence[str]) -> list[str]:
    """Those that are not there; the others stay long enough for a submit that comes now."""
    pipe = client.pipeline(transaction=False)
    for digest in digests:
        pipe.pexpire(keys.blob(digest), BLOB_MS, gt=True)
        pipe.exists(keys.blob(digest))
    found = (await pipe.execute())[1::2]
    return [digest for digest, is_there in zip(digests, found, strict=True) if not is_there]


async def leave(client: Any, keys: Keys, digest: str, data: bytes) -> None:
    """Send one, for jobs that come after it; one that is there stays as it is."""
    await client.set(keys.blob(digest), data, px=KEPT_MS, nx=True)


async def read(client: Any, keys: Keys, digest: str, size: int) -> bytes | None:
    """One that is there, not verified; in parts, so that none takes the server, or the way from it, for long."""
    parts: list[bytes] = [
        await client.getrange(keys.blob(digest), start, start + PART_BYTES - 1) for start in range(0, size, PART_BYTES)
    ]
    data = b"".join(parts)
    return data if len(data) == size else None


async def drop(client: Any, keys: Keys, digest: str) -> None:
    """Remove one that is not what its digest says: whoever submits with it next sends it anew."""
    await client.unlink(keys.blob(digest))
