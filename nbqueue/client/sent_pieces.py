"""Large pieces of calls, sent ahead of the jobs that have them: each once, and only where the server has it not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nbqueue.broker import blobs
from nbqueue.broker.blobs import BlobsMissing
from nbqueue.client.draft import Draft, Order
from nbqueue.client.wire import BYTES_A_SECOND, Wire
from nbqueue.errors import BrokerUnavailable, JobError

#: times that pieces are sent which the server has not
SENDS = 3


class Store(Protocol):
    """Where pieces are sent to."""

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that are not there; the others stay for a while."""
        ...

    async def send_piece(self, digest: str, data: bytes) -> None:
        """Send one."""
        ...


class WireStore:
    """The server's, by a connection to it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that are not there; the others stay for a while."""
        return await self._wire.ask(lambda client: blobs.missing(client, self._wire.keys, digests), wakes=True)

    async def send_piece(self, digest: str, data: bytes) -> None:
        """Send one."""
        await self._wire.ask(
            lambda client: blobs.leave(client, self._wire.keys, digest, data),
            extra_s=len(data) / BYTES_A_SECOND, wakes=True,
        )  # fmt: skip


async def send_missing(store: Store, drafts: Sequence[Draft]) -> None:
    """Send the pieces of these that are not there."""
    digests = list(dict.fromkeys(digest for draft in drafts for digest in draft.blobs))
    if digests:
        await send(store, drafts, await store.missing(digests))


async def send(store: Store, drafts: Sequence[Draft], digests: Sequence[str]) -> None:
    """Send pieces of these.

    Raises JobError where what makes one again has its bytes no more, and BlobsMissing where these are with another,
    who is to be told.
    """
    for digest in digests:
        data = next((draft.contents[digest] for draft in drafts if digest in draft.contents), None)
        if data is None:
            draft = next(draft for draft in drafts if digest in draft.blobs)
            raise BlobsMissing(digests) if draft.order.pieces_elsewhere else _lacking(draft)
        await store.send_piece(digest, data)


def lost_again(order: Order) -> BrokerUnavailable:
    """The error for pieces that were sent as often as they may be."""
    return BrokerUnavailable(
        f"Large arguments of {order.function} were sent {SENDS} times, and the server had lost them again "
        "each time: see whether it evicts keys (maxmemory-policy must be noeviction)."
    )


def _lacking(draft: Draft) -> JobError:
    retried = draft.order.retry_of
    return JobError(
        f"Job {retried or draft.job_id} cannot be {'retried' if retried else 'submitted'}: a large part of its "
        "arguments is kept no longer. Submit it again.",
        job_id=retried or draft.job_id,
    )
