"""Large pieces of calls, sent ahead of the jobs that have them: each once, and only where the server has it not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nbqueue.broker import blobs
from nbqueue.client.draft import Draft
from nbqueue.client.wire import BYTES_A_SECOND, Wire
from nbqueue.errors import JobError


class Store(Protocol):
    """Where pieces are left."""

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that are not there; the others stay for a while."""
        ...

    async def leave(self, digest: str, data: bytes) -> None:
        """Send one."""
        ...


class WireStore:
    """The server's, by a connection to it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that are not there; the others stay for a while."""
        return await self._wire.ask(lambda client: blobs.missing(client, self._wire.keys, digests), wakes=True)

    async def leave(self, digest: str, data: bytes) -> None:
        """Send one."""
        await self._wire.ask(
            lambda client: blobs.leave(client, self._wire.keys, digest, data),
            extra_s=len(data) / BYTES_A_SECOND, wakes=True,
        )  # fmt: skip


async def leave_missing(store: Store, drafts: Sequence[Draft]) -> None:
    """Send the pieces of these that are not there."""
    digests = list(dict.fromkeys(digest for draft in drafts for digest in draft.blobs))
    if digests:
        await leave(store, drafts, await store.missing(digests))


async def leave(store: Store, drafts: Sequence[Draft], digests: Sequence[str]) -> None:
    """Send pieces of these. Raises JobError where what makes one again has its bytes no more."""
    for digest in digests:
        data = next((draft.contents[digest] for draft in drafts if digest in draft.contents), None)
        if data is None:
            raise _lacking(next(draft for draft in drafts if digest in draft.blobs))
        await store.leave(digest, data)


def _lacking(draft: Draft) -> JobError:
    retried = draft.order.retry_of
    return JobError(
        f"Job {retried or draft.job_id} cannot be {'retried' if retried else 'submitted'}: a large part of its "
        "arguments is kept no longer. Submit it again.",
        job_id=retried or draft.job_id,
    )
