"""All attempts at a job that have ended, from the history."""

from __future__ import annotations

import asyncio

from nbqueue.broker import history
from nbqueue.client.link import Link
from nbqueue.model.attempts import AttemptRecord, of_history
from nbqueue.model.shown import ShownList

#: an end may be written a little after the clock that the record of a job shows, and no entry goes before another
SLACK_MS = 60_000


async def attempts(link: Link, job_id: str) -> list[AttemptRecord]:
    """The attempts that ended, in their order: read from the history's end back to the job's submit, page by page."""
    record = await link.record(job_id)
    since = record.submitted_at
    start = "-" if since is None else str(int(since.timestamp() * 1000) - SLACK_MS)
    end = "+" if record.finished_at is None else str(int(record.finished_at.timestamp() * 1000) + SLACK_MS)
    found: list[AttemptRecord] = ShownList(kind=AttemptRecord)
    async for page in history.pages_back(link.wire.ask, link.wire.keys, start=start, end=end):
        read = (
            of_history(text, job_id, int(entry.partition(b"-")[0]))
            for entry, text in zip(page.ids, page.texts, strict=True)
        )
        found[:0] = [attempt for attempt in read if attempt is not None]
        await asyncio.sleep(0)  # the portal's loop has others to serve
    return found
