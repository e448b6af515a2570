"""Large pieces of calls at hand: read once from the server for all jobs here that have them, the last ones kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.broker import blobs, pieces
from nbqueue.broker.keys import Keys
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.broker.pieces import Piece
from nbqueue.errors import JobLost, PayloadTooLarge, TamperedPayload

#: bytes that are kept for jobs to come
KEPT_BYTES = 200_000_000
#: what one call may have in all: frames to children have a limit, and so has memory
ALL_BYTES = 2 * 2**30


class Shelf:
    """The pieces that were used last, by their digests; what is read is verified."""

    def __init__(self, keys: Keys, kept_bytes: int = KEPT_BYTES) -> None:
        self._keys, self._kept_bytes = keys, kept_bytes
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        #: those under way, so that jobs that come together read the same only once
        self._reading: dict[str, asyncio.Lock] = {}

    async def whole(self, client: Any, payload: bytes, job_id: str) -> bytes:
        """A payload with its pieces put back. Raises JobLost where the server has one no more, and TROUBLE."""
        found = pieces.pieces_of(payload)
        size = sum(each.size for each in found)
        if size > ALL_BYTES:
            raise PayloadTooLarge(
                f"Its arguments have {size:,} bytes, and {ALL_BYTES:,} are allowed: write large ones to files, and "
                "pass their paths.",
                size_bytes=size, limit_bytes=ALL_BYTES,
            )  # fmt: skip
        contents = await self._all(client, found, job_id)
        self._forget()
        if size > LARGE_BYTES:
            return await asyncio.to_thread(pieces.whole, payload, contents)
        return pieces.whole(payload, contents)

    async def _all(self, client: Any, wanted: Sequence[Piece], job_id: str) -> Mapping[str, bytes]:
        contents: dict[str, bytes] = {}
        for piece in wanted:
            if piece.digest not in contents:
                async with self._reading.setdefault(piece.digest, asyncio.Lock()):
                    contents[piece.digest] = await self._one(client, piece, job_id)
                self._reading.pop(piece.digest, None)
        return contents

    async def _one(self, client: Any, piece: Piece, job_id: str) -> bytes:
        data = self._contents.get(piece.digest)
        if data is not None:
            self._contents.move_to_end(piece.digest)
            return data
        data = await blobs.read(client, self._keys, piece.digest, piece.size)
        if data is None:
            raise JobLost(
                f"A large part of the arguments of job {job_id} ({piece.size:,} bytes) is no longer in the server: "
                "submit it again.",
                job_id=job_id,
            )
        try:
            await asyncio.to_thread(pieces.verified, piece.digest, data)
        except TamperedPayload:
            await blobs.drop(client, self._keys, piece.digest)
            raise
        if piece.digest not in self._contents:  # who came after a read that failed reads beside others
            self._size += len(data)
        self._contents[piece.digest] = data
        return data

    def _forget(self) -> None:
        """Let those go that were not used for longest, until the rest has room."""
        while self._size > self._kept_bytes:
            _, data = self._contents.popitem(last=False)
            self._size -= len(data)
