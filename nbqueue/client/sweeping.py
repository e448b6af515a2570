"""Emptying queues: clearing jobs away, or waiting until all are done."""

from __future__ import annotations

import asyncio

from nbqueue.broker import history, queues
from nbqueue.client import finding, removing
from nbqueue.client.finding import Wanted
from nbqueue.client.link import Link
from nbqueue.model import moments
from nbqueue.model.moments import Moment

#: how often a queue that is being drained is looked at
LOOK_S = 0.2


async def clear(link: Link, asked: Wanted, older_than: Moment | None) -> int:
    """Forget those jobs, and of them those submitted before a moment only; how many."""
    before_ms = float("inf")
    if older_than is not None:
        before_ms = moments.milliseconds(older_than, "older_than", await history.now_ms(link.wire.ask))
    found = await finding.find(link, asked)
    old = [record.id for record in found if record.submitted_at and record.submitted_at.timestamp() * 1000 < before_ms]
    return (await removing.delete(link, old)).get("deleted", 0)


async def drain(link: Link, queue: str) -> None:
    """Close a queue, and wait until nothing waits or runs in it."""
    wire = link.wire
    await wire.ask(lambda client: queues.close(client, wire.keys, queue))
    while True:
        found = await wire.ask(lambda client: queues.stats(client, wire.keys, queue))
        if not (found.queued or found.scheduled or found.running):
            return
        await asyncio.sleep(LOOK_S)
