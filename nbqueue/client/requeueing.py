"""Jobs put into a queue again: those that wait are moved, those that did not succeed are retried there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbqueue.client import moving, retrying
from nbqueue.client.link import Link
from nbqueue.model.job import JobRecord


@dataclass(frozen=True, slots=True)
class Requeued:
    """How it went; both by the id of the job."""

    #: the job that waits there now: itself where it was moved, or a new one
    found: Mapping[str, str]
    #: why there is none, in a sentence
    refused: Mapping[str, str]


async def requeue(link: Link, records: Sequence[JobRecord], queue: str, *, again: bool = True) -> Requeued:
    """Put these into a queue; empty: each into its own. `again`: those too that were retried before."""
    waiting = [record.id for record in records if not record.state.is_final]
    moved, refused = await moving.move_each(link, waiting, queue)
    ended = [record.id for record in records if record.state.is_final]
    retried = await retrying.retry_all(link, ended, queue, again=again)
    new = {**{job_id: job_id for job_id in moved}, **{old: draft.job_id for old, draft in retried.drafts.items()}}
    why = {**refused, **retried.refused}
    ids = [record.id for record in records]
    return Requeued(
        {job_id: new[job_id] for job_id in ids if job_id in new},
        {job_id: why[job_id] for job_id in ids if job_id in why},
    )
