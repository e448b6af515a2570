"""Sends drafts to the server: signed in small steps, many in one round trip, the next signed while one is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from nbqueue.broker import groups, jobs, scripts
from nbqueue.broker.blobs import BlobsMissing
from nbqueue.broker.hook import written
from nbqueue.broker.parcels import LARGE_BYTES, leave
from nbqueue.broker.scripts import Call
from nbqueue.client import sent_pieces, without_server
from nbqueue.client.cut import cut
from nbqueue.client.draft import Draft
from nbqueue.client.link import Link
from nbqueue.client.removing import settle
from nbqueue.client.sent_pieces import SENDS, WireStore
from nbqueue.client.wire import BYTES_A_SECOND, CHUNK_JOBS
from nbqueue.errors import NbqueueError

#: bytes of one round trip
CHUNK_BYTES = 1_000_000
#: what a job that another waits for counts as
WAIT_BYTES = 50
#: jobs signed before others on the loop get a turn
TURN_JOBS = 50

#: of a submit of more bytes it is asked first which large pieces are missing: it would have to be sent twice
ASKED_FIRST_BYTES = 50_000
#: a draft, and its signed submission
_Sealed = tuple[Draft, bytes]


async def deliver(link: Link, draft: Draft) -> str:
    """Send one job; its state, "exists" where the id was known, or `same <id>` where another stands for it."""
    if link.instead is not None:
        return (await link.instead.submit([draft]))[0]
    header = draft.order.header(link.wire.keys.namespace)
    link.follow.expect(draft.job_id)
    state = "unknown"
    try:
        [state] = await _send(link, [(draft, await _sealed(link, draft, header))])
    finally:
        _expect_no_more(link, draft, state)
    return state


def _expect_no_more(link: Link, draft: Draft, state: str) -> None:
    """Of a job that is not new nothing need be heard: it may have come and gone before."""
    if state in {"unknown", "exists"} or state.startswith(jobs.SAME):
        link.follow.forget(draft.job_id)


async def deliver_together(link: Link, drafts: Sequence[Draft]) -> list[str]:
    """Send jobs of several orders in one round trip, in order; their answers, nothing for one to send alone.

    They are small, wait for no others, and have no large pieces.
    """
    states = ["unknown"] * len(drafts)
    for draft in drafts:
        link.follow.expect(draft.job_id)
    try:
        states = await _sent_together(link, drafts)
    except NbqueueError as error:
        raise without_server.offered(error) from error.__cause__
    finally:
        for draft, state in zip(drafts, states, strict=True):
            _expect_no_more(link, draft, state or "unknown")
    return states


async def _sent_together(link: Link, drafts: Sequence[Draft]) -> list[str]:
    wire, size, calls = link.wire, 0, []
    for draft in drafts:
        blob = draft.sealed(wire.keyring, draft.order.header(wire.keys.namespace))
        size += len(blob)
        calls.append(_call(link, [draft], [(draft.job_id, blob)]))
    # with the key that has signed them
    await without_server.agree(link)
    answers = await wire.ask(
        lambda client: scripts.run_all(client, calls), extra_s=size / BYTES_A_SECOND, wakes=True
    )  # fmt: skip
    return ["" if isinstance(answer, Exception) else answer[0] for answer in answers]


async def deliver_all(link: Link, drafts: Sequence[Draft]) -> list[str]:
    """Send the jobs of one order, in order; per job what `deliver` answers.

    Where the large pieces of calls are with another there are fewer answers: pieces of the next job are missing.
    """
    if link.instead is not None:
        return await link.instead.submit(drafts)
    states: list[str] = []
    sending: asyncio.Task[list[str]] | None = None
    sent = 0
    try:
        with suppress(BlobsMissing):
            async for chunk in _sealed_chunks(link, drafts):
                if sending is not None:
                    states += await sending
                sending = asyncio.create_task(_send(link, chunk))
                sent += len(chunk)
                await asyncio.sleep(0)
            if sending is not None:
                states += await sending
        await _join(link, drafts, states)
    except NbqueueError as error:
        # what was on its way may have arrived
        raise await cut(link, drafts, states, error, unsure=sent - len(states)) from error
    finally:
        if sending is not None and not sending.done():
            sending.cancel()
    return states


async def _join(link: Link, drafts: Sequence[Draft], states: Sequence[str]) -> None:
    """Have the server know who belongs to a group, where jobs of other groups may stand for some."""
    order = drafts[0].order if drafts else None
    if order is None or not order.group or order.options.once is None:
        return
    found = [(draft.job_id, jobs.same_as(state) or draft.job_id) for draft, state in zip(drafts, states, strict=False)]
    keys, at = link.wire.keys, order.options.at
    delay_s = order.options.delay if at is None else max((at - link.now()).total_seconds(), 0)
    for start in range(0, len(found), CHUNK_JOBS):
        part = found[start : start + CHUNK_JOBS]
        await link.wire.ask(lambda client: groups.join(client, keys, order.group, part, delay_s))  # noqa: B023


async def _send(link: Link, chunk: Sequence[_Sealed]) -> list[str]:
    try:
        await without_server.agree(link)
        return await _sent(link, chunk)
    except NbqueueError as error:
        raise without_server.offered(error) from error.__cause__


async def _sent(link: Link, chunk: Sequence[_Sealed]) -> list[str]:
    light = [(draft.job_id, await _sent_ahead(link, draft.job_id, blob)) for draft, blob in chunk]
    size = sum(len(blob) for _, blob in light)
    drafts = [draft for draft, _ in chunk]
    states = await _accepted(link, drafts, _call(link, drafts, light), size)
    if any(draft.waits for draft, _ in chunk):
        # of a parent that has not ended well before nobody else would tell at once
        await settle(link)
    return states


def _call(link: Link, drafts: Sequence[Draft], sealed: Sequence[tuple[str, bytes]]) -> Call[list[str]]:
    """The call of the script that accepts jobs of one order."""
    wire, order = link.wire, drafts[0].order
    own = {draft.job_id: mine for draft in drafts if (mine := draft.own)}
    hook = written(wire.keyring, wire.keys.namespace, order.options.webhook_url)
    return jobs.submit(wire.keys, order.batch(sealed, own, hook))


async def _accepted(link: Link, drafts: Sequence[Draft], call: Call[list[str]], size: int) -> list[str]:
    """The answer to a submit, after large pieces of its calls that were not there."""
    store = WireStore(link.wire)
    if size > ASKED_FIRST_BYTES:
        await sent_pieces.send_missing(store, drafts)
    for _ in range(SENDS):
        try:
            return await link.wire.run(call, size_bytes=size, wakes=True)
        except BlobsMissing as missing:
            await sent_pieces.send(store, drafts, missing.digests)
    raise sent_pieces.lost_again(drafts[0].order)


async def _sent_ahead(link: Link, job_id: str, blob: bytes) -> bytes:
    """The submission, or nothing in its place once it was sent by itself, because it is large."""
    if len(blob) <= LARGE_BYTES:
        return blob
    extra_s = len(blob) / BYTES_A_SECOND
    await link.wire.ask(lambda client: leave(client, link.wire.keys, job_id, 0, blob), extra_s=extra_s, wakes=True)
    return b""


async def _sealed_chunks(link: Link, drafts: Sequence[Draft]) -> AsyncGenerator[list[_Sealed], None]:
    chunk: list[_Sealed] = []
    size = 0
    header = drafts[0].order.header(link.wire.keys.namespace) if drafts else {}
    for number, draft in enumerate(drafts, 1):
        blob = await _sealed(link, draft, header)
        chunk.append((draft, blob))
        # what it waits for is written down for each job, which takes the server as long as so many bytes
        size += len(blob) + WAIT_BYTES * draft.waits
        if len(chunk) == CHUNK_JOBS or size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        if not number % TURN_JOBS:
            await asyncio.sleep(0)
    if chunk:
        yield chunk


async def _sealed(link: Link, draft: Draft, header: Mapping[str, Any]) -> bytes:
    if draft.size > LARGE_BYTES:
        return await asyncio.to_thread(draft.sealed, link.wire.keyring, header)
    return draft.sealed(link.wire.keyring, header)
