"""Waiting jobs into another queue: a submission is signed for one queue, so who moves it signs it anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbqueue.broker import jobs
from nbqueue.broker.envelope import open_sealed, seal
from nbqueue.client.link import Link
from nbqueue.errors import JobError, TamperedPayload

#: jobs of one round trip: their submissions travel both ways
MOVED_JOBS = 200


async def move(link: Link, job_ids: Sequence[str], queue: str) -> None:
    """Put jobs into a queue. Raises JobLost for an unknown one, JobError for one that waits no longer."""
    for start in range(0, len(job_ids), MOVED_JOBS):
        await _move(link, job_ids[start : start + MOVED_JOBS], queue)


async def move_waiting(link: Link, job_ids: Sequence[str], queue: str) -> int:
    """Put those of the jobs into a queue that wait; how many. One that nobody of ours signed stays."""
    return len((await move_each(link, job_ids, queue))[0])


async def move_each(link: Link, job_ids: Sequence[str], queue: str) -> tuple[list[str], Mapping[str, str]]:
    """The same; which, and why not the others."""
    done: list[str] = []
    refused: dict[str, str] = {}
    for start in range(0, len(job_ids), MOVED_JOBS):
        moved, left = await _moved(link, job_ids[start : start + MOVED_JOBS], queue)
        done += moved
        refused |= {job_id: str(error) for job_id, error in left.items()}
    return done, refused


async def _move(link: Link, job_ids: Sequence[str], queue: str) -> None:
    for job_id in job_ids:
        await link.record(job_id)
    _, left = await _moved(link, job_ids, queue)
    if left:
        raise next(iter(left.values()))


async def _moved(link: Link, job_ids: Sequence[str], queue: str) -> tuple[list[str], Mapping[str, JobError]]:
    """The jobs that wait there now, and why the others do not."""
    not_ours: dict[str, TamperedPayload] = {}
    ready = await _signed(link, job_ids, queue, not_ours)
    moved = await link.wire.run(jobs.move(link.wire.keys, queue, ready)) if ready else []
    done = [job_id for (job_id, _, _), ok in zip(ready, moved, strict=True) if ok]
    left = [job_id for job_id in job_ids if job_id not in set(done)]
    return done, {job_id: _unmoved(job_id, queue, not_ours.get(job_id)) for job_id in left}


def _unmoved(job_id: str, queue: str, error: TamperedPayload | None) -> JobError:
    why = "it waits no longer. Retry it there instead."
    if error is not None:
        why = f"it was not signed by a holder of our key, so it cannot be signed for another queue. {error}"
    return JobError(f"Job {job_id} cannot be moved to queue {queue!r}: {why}", job_id=job_id)


async def _signed(
    link: Link, job_ids: Sequence[str], queue: str, not_ours: dict[str, TamperedPayload]
) -> list[tuple[str, str, bytes]]:
    """Id, present queue and submission signed for the other queue, of those that wait and have one of ours."""
    wire = link.wire
    records = [record for record in await link.records(job_ids) if record is not None and not record.state.is_final]
    blobs = await wire.ask(lambda client: jobs.submissions(client, wire.keys, [record.id for record in records]))
    found = []
    for record, blob in zip(records, blobs, strict=True):
        if blob is None:
            continue
        try:
            sealed = open_sealed(
                wire.keyring, blob, kind="job", namespace=wire.keys.namespace, job_id=record.id,
                function=record.function,
            )  # fmt: skip
        except TamperedPayload as error:
            not_ours[record.id] = error
            continue
        moved = seal(wire.keyring, {**sealed.header, "queue": queue}, sealed.payload)
        found.append((record.id, record.queue, moved))
    return found
