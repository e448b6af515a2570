"""Calls that were submitted, read back as far as they are kept: verified, with their pieces, not yet unpickled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import blobs, jobs, kept
from nbqueue.broker.envelope import open_sealed
from nbqueue.broker.pieces import Piece, pieces_of, verified, whole
from nbqueue.broker.signing import Keyring
from nbqueue.client.link import Link
from nbqueue.client.portions import NO_ROOM, NOT_KEPT, Room, portions_within
from nbqueue.client.wire import BYTES_A_SECOND
from nbqueue.errors import TamperedPayload
from nbqueue.model.job import JobRecord
from nbqueue.model.shown import plain


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call as it was submitted."""

    record: JobRecord
    header: Mapping[str, Any]
    #: the call, but for its large pieces
    cut: bytes
    #: large pieces of this call and of others that were read with it, by their digests
    contents: Mapping[str, bytes]

    @property
    def payload(self) -> bytes:
        """The whole call."""
        return whole(self.cut, self.contents)


async def read(
    link: Link, records: Sequence[JobRecord], room: Room, refused: dict[str, Any]
) -> AsyncGenerator[list[KeptCall]]:
    """The calls of jobs, some at a time; of those that cannot be had, `refused` tells why."""
    wire = link.wire
    sizes = await wire.ask(lambda client: kept.submission_sizes(client, wire.keys, [each.id for each in records]))
    for part, extra_s in portions_within(room, records, sizes, refused):
        ids = [record.id for record in part]
        sealed = await wire.ask(lambda client: jobs.submissions(client, wire.keys, ids), extra_s=extra_s)  # noqa: B023
        found, unsound = await asyncio.to_thread(_opened, wire.keyring, wire.keys.namespace, part, sealed)
        refused |= unsound
        yield await _with_contents(link, found, room, refused)


def _opened(
    keyring: Keyring, namespace: str, records: Sequence[JobRecord], sealed: Sequence[bytes | None]
) -> tuple[list[KeptCall], dict[str, str]]:
    """Verified calls without their pieces; and why not of the others."""
    found: list[KeptCall] = []
    refused: dict[str, str] = {}
    for record, blob in zip(records, sealed, strict=True):
        if blob is None:
            refused[record.id] = NOT_KEPT
            continue
        try:
            opened = open_sealed(
                keyring, blob, kind="job", namespace=namespace, job_id=record.id, function=record.function
            )
            pieces_of(opened.payload)
        except TamperedPayload as error:
            refused[record.id] = plain(f"{type(error).__name__}: {error}")
        else:
            found.append(KeptCall(record, opened.header, opened.payload, {}))
    return found, refused


async def _with_contents(link: Link, found: Sequence[KeptCall], room: Room, refused: dict[str, Any]) -> list[KeptCall]:
    """Those of the calls of which all pieces could be read; each piece is read once."""
    contents: dict[str, bytes] = {}
    lacking: dict[str, str] = {}
    ready = []
    for call in found:
        own = pieces_of(call.cut)
        for piece in own:
            if piece.digest not in contents and piece.digest not in lacking:
                await _take(link, piece, room, contents, lacking)
        why = next((lacking[each.digest] for each in own if each.digest in lacking), None)
        if why is None:
            ready.append(KeptCall(call.record, call.header, call.cut, contents))
        else:
            refused[call.record.id] = why
    return ready


async def _take(link: Link, piece: Piece, room: Room, contents: dict[str, bytes], lacking: dict[str, str]) -> None:
    """Read one piece, or note why it cannot be had."""
    if not room.takes(piece.size):
        lacking[piece.digest] = NO_ROOM
        return
    wire = link.wire
    extra_s = piece.size / BYTES_A_SECOND
    data = await wire.ask(lambda client: blobs.read(client, wire.keys, piece.digest, piece.size), extra_s=extra_s)
    if data is None:
        lacking[piece.digest] = NOT_KEPT
        return
    try:
        contents[piece.digest] = await asyncio.to_thread(verified, piece.digest, data)
    except TamperedPayload as error:
        lacking[piece.digest] = plain(f"{type(error).__name__}: {error}")
