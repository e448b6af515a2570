"""Does in the server, with an engine's key, what jobs that run there ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from nbqueue.broker import jobs
from nbqueue.broker.address import Address
from nbqueue.broker.blobs import BlobsMissing
from nbqueue.broker.envelope import open_sealed
from nbqueue.broker.jobs import Origin
from nbqueue.broker.pieces import digest_of
from nbqueue.broker.signing import Keyring
from nbqueue.client.delivery import deliver, deliver_all
from nbqueue.client.draft import Draft, Order
from nbqueue.client.ends import fetch_ends
from nbqueue.client.link import Link
from nbqueue.client.removing import settle
from nbqueue.client.sent_pieces import WireStore
from nbqueue.client.told import end_fields, record_fields
from nbqueue.client.wire import BYTES_A_SECOND
from nbqueue.errors import NbqueueError
from nbqueue.model.errands import Answer, Due, Form, Item, Parent
from nbqueue.model.events import StateChanged
from nbqueue.model.settings import Settings

#: bytes of the results in one answer, if it has more than one
ANSWER_BYTES = 4_000_000
#: stands for the number of a claim that is not known
UNKNOWN = -1


class LinkClerk:
    """A clerk with a link of its own; it runs on the loop it was made on."""

    def __init__(self, address: Address, keyring: Keyring, namespace: str) -> None:
        self._link = Link(Settings(namespace=namespace, home=Path()), keyring, address)
        self._store = WireStore(self._link.wire)

    async def submit(self, form: Form, parent: Parent, items: Sequence[Item]) -> list[str]:
        """Sign and submit; per job its state, or "exists", up to the first of which pieces are missing."""
        order = Order(
            options=form.options, function=form.function, lane=form.lane, by_name=form.by_name, group=form.group,
            size=form.size, retry_of=form.retry_of, earlier=form.earlier, parent=parent.job_id, family=form.family,
            pieces_elsewhere=True, trace=form.trace,
            origin=Origin(user=parent.user, folder=parent.folder, notebook=parent.notebook),
        )  # fmt: skip
        drafts = [
            Draft(item.job_id, order, item.payload, item.takes, item.digest, instead=item.instead) for item in items
        ]
        if len(drafts) > 1 or form.group:
            return await deliver_all(self._link, drafts)
        try:
            return [await deliver(self._link, drafts[0])]
        except BlobsMissing:
            return []

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of large pieces of calls that are not in the server; the others stay for a while."""
        return await self._store.missing(digests)

    async def send_piece(self, data: bytes) -> None:
        """Send such a piece. What it is called is found here, so that nothing else is ever kept under that name."""
        await self._store.send_piece(await asyncio.to_thread(digest_of, data), data)

    async def cancel(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel jobs; what became of each."""
        answers = await self._link.cancel(job_ids)
        await settle(self._link)
        return answers

    async def withdraw(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel jobs that have not begun; what became of each."""
        answers = await self._link.withdraw(job_ids)
        await settle(self._link)
        return answers

    async def records(self, job_ids: Sequence[str]) -> list[dict[str, Any] | None]:
        """What is known of each job."""
        found = await self._link.records(job_ids)
        return [record_fields(each) if each is not None else None for each in found]

    async def states(self, job_ids: Sequence[str]) -> list[str | None]:
        """The state of each job."""
        return [str(state) if state is not None else None for state in await self._link.states(job_ids)]

    async def call_of(self, job_id: str) -> Answer | None:
        """Header and payload of a job's submission, verified."""
        wire = self._link.wire
        blob = await wire.ask(lambda client: jobs.submission(client, wire.keys, job_id))
        if blob is None:
            return None
        return open_sealed(wire.keyring, blob, kind="job", namespace=wire.keys.namespace, job_id=job_id)

    async def checkpoint_of(self, job_id: str) -> bytes | None:
        """What a job kept last, verified."""
        return await self._link.checkpoint_of(job_id)

    async def ends(self, due: Sequence[Due]) -> tuple[list[dict[str, Any]], list[bytes]]:
        """The ends of the first of these jobs, as many as fit into one answer, and their payloads."""
        wire, ids = self._link.wire, [job_id for job_id, _ in due]
        sizes = await wire.ask(lambda client: jobs.result_sizes(client, wire.keys, ids))
        count, total = 0, 0
        while count < len(due) and (count == 0 or total + sizes[count] <= ANSWER_BYTES):
            total += sizes[count]
            count += 1
        wanted = [(job_id, max(fence, 0)) for job_id, fence in due[:count]]
        found = await fetch_ends(wire, wanted, total / BYTES_A_SECOND)
        return [end_fields(each) for each in found], [each.payload for each in found]

    def follow(self, job_ids: Sequence[str], told: Callable[[str, int], None]) -> Callable[[], None]:
        """Tell once of the end of each job; gives what ends the following."""
        follower = _Follower(self._link, job_ids, told)
        self._link.follow.join(job_ids, follower, present=False)
        return follower.stop

    async def close(self) -> None:
        """Close its connections."""
        await self._link.close()


class _Follower:
    """Hears of the ends of some jobs, for one job that waits for them."""

    def __init__(self, link: Link, job_ids: Iterable[str], told: Callable[[str, int], None]) -> None:
        self._link = link
        self._open = set(job_ids)
        self._told = told

    def stop(self) -> None:
        """Hear no more."""
        self._link.follow.leave(self._open, self)
        self._open = set()

    def changed(self, change: StateChanged) -> None:
        """Tell of an end."""
        if change.state.is_final:
            self._tell(change.job_id, change.fence)

    def lost(self, job_id: str) -> None:
        """It is gone: whoever asks for its end is told so."""
        self._tell(job_id, UNKNOWN)

    def connection(self, *, up: bool) -> None:
        """Waiting goes on."""

    def failed(self, error: NbqueueError) -> None:
        """Following is not possible: whoever asks for the ends is told why."""
        del error
        for job_id in tuple(self._open):
            self._tell(job_id, UNKNOWN)

    def _tell(self, job_id: str, fence: int) -> None:
        if job_id in self._open:
            self._open.discard(job_id)
            self._link.follow.leave((job_id,), self)
            self._told(job_id, fence)
