"""A retry: the same function, arguments and options as a new job, signed anew; of one job, or of many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from nbqueue.broker.envelope import Sealed
from nbqueue.broker.jobs import LANE_LOOP, LANE_PROCESS
from nbqueue.client.delivery import deliver
from nbqueue.client.draft import Draft, Order
from nbqueue.client.link import Link
from nbqueue.client.origin import origin
from nbqueue.errors import JobError, QueueClosed, TamperedPayload
from nbqueue.inside import tracing
from nbqueue.model.errands import MOST_EARLIER
from nbqueue.model.families import known
from nbqueue.model.job import JobRecord
from nbqueue.model.names import new_job_id
from nbqueue.model.options import Options

T = TypeVar("T")

#: retries under way at once
RETRIES = 50
#: generations of retries whose newest is looked for
GENERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Retried:
    """How it went to retry jobs; both by the id of the old one."""

    #: the new jobs
    drafts: Mapping[str, Draft]
    #: why there is none, in a sentence
    refused: Mapping[str, str]


async def retry(link: Link, job_id: str, sent: Draft | None) -> Draft:
    """Submit the job again under a new id: from the server's copy, else from what this handle sent."""
    await link.wake()
    return await _retried(link, job_id, sent)


async def retry_all(link: Link, job_ids: Iterable[str], queue: str = "", *, again: bool = True) -> Retried:
    """Submit each again that can be, many at once; a job that waited for another of them comes after its retry.

    Args:
        link: the way to the server.
        job_ids: the jobs.
        queue: where they go; empty: each into its own.
        again: those too that were retried before.
    """
    await link.wake()
    wanted = list(dict.fromkeys(job_ids))
    records = dict(zip(wanted, await link.records(wanted), strict=True))
    drafts: dict[str, Draft] = {}
    refused = {} if again else {
        job_id: f"Job {job_id} was retried already, as {record.retried_by}: again=True, or --again, retries it anew."
        for job_id, record in records.items() if record and record.retried_by
    }  # fmt: skip
    left = {job_id: record.after if record else () for job_id, record in records.items() if job_id not in refused}
    # of what was retried before the newest may be among these
    newest = await newest_of(link, [each for after in left.values() for each in after if each not in left])
    before = {job_id: [newest[each].id if each in newest else each for each in left[job_id]] for job_id in left}
    for some in _in_order(before):
        found = await _each(dict.fromkeys(some), lambda job_id, _: _retried(link, job_id, None, queue))
        drafts |= found.drafts
        refused |= found.refused
    return Retried(
        {job_id: drafts[job_id] for job_id in wanted if job_id in drafts},
        {job_id: refused[job_id] for job_id in wanted if job_id in refused},
    )


def _in_order(after: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Jobs in parts: none waits for another one of its part or of a later one."""
    left = {job_id: set(others) & after.keys() for job_id, others in after.items()}
    while left:
        ready = {job_id: others for job_id, others in left.items() if not others & left.keys()} or left
        yield list(ready)
        left = {job_id: others for job_id, others in left.items() if job_id not in ready}


async def retry_group(link: Link, sent: Mapping[str, Draft | None], group: str) -> Mapping[str, Draft]:
    """Submit jobs again as a group of their own. Raises JobError, and submits none, where one cannot be retried."""
    await link.wake()
    ready = await _each(sent, lambda job_id, kept: _prepared(link, job_id, kept))
    if ready.refused:
        job_id, why = next(iter(ready.refused.items()))
        raise JobError(
            f"{len(ready.refused):,} of {len(sent):,} jobs cannot be retried, so none was: {why}", job_id=job_id
        )

    async def delivered(draft: Draft) -> Draft:
        found = replace(draft, order=replace(draft.order, group=group, size=len(sent)))
        await deliver(link, found)
        return found

    done = await _each(ready.drafts, lambda _, draft: delivered(draft))
    if done.refused:
        job_id, why = next(iter(done.refused.items()))
        raise JobError(f"{len(done.drafts):,} of {len(sent):,} jobs were retried before this: {why}", job_id=job_id)
    return done.drafts


async def _each(given: Mapping[str, T], act: Callable[[str, T], Coroutine[Any, Any, Draft]]) -> Retried:
    """Act for each, several at once; what concerns one job alone stops none of the others."""
    turns = asyncio.Semaphore(RETRIES)
    refused: dict[str, str] = {}

    async def one(job_id: str, value: T) -> Draft | None:
        async with turns:
            try:
                return await act(job_id, value)
            except (JobError, TamperedPayload, QueueClosed) as error:
                refused[job_id] = str(error)
                return None

    try:
        async with asyncio.TaskGroup() as tasks:
            under_way = {job_id: tasks.create_task(one(job_id, value)) for job_id, value in given.items()}
    except ExceptionGroup as errors:
        # the server went away, for all of them
        raise errors.exceptions[0] from None
    drafts = {job_id: draft for job_id, task in under_way.items() if (draft := task.result()) is not None}
    return Retried(drafts, {job_id: refused[job_id] for job_id in given if job_id in refused})


async def _retried(link: Link, job_id: str, sent: Draft | None, queue: str = "") -> Draft:
    draft = await _prepared(link, job_id, sent)
    if queue:
        draft = replace(draft, order=replace(draft.order, options=replace(draft.order.options, queue=queue)))
    await deliver(link, draft)
    return draft


async def _prepared(link: Link, job_id: str, sent: Draft | None) -> Draft:
    """The new job, not yet sent."""
    record = await link.record(job_id)
    if not record.state.is_final:
        raise JobError(
            f"Job {job_id} has not ended, it is {record.state}: retry() runs again what has ended. cancel() stops it, "
            "promote() makes one that waits due now.",
            job_id=job_id,
        )
    sealed = await link.call_of(job_id, record.function)
    if sealed is not None:
        kept = replace(unsealed(record, sealed), contents=sent.contents if sent is not None else {})
        told = sent.order.options.on_done if sent is not None else kept.order.options.on_done
        sent = replace(kept, order=replace(kept.order, options=replace(kept.order.options, on_done=told)))
    if sent is None:
        raise JobError(
            f"Job {job_id} has ended, and its function and arguments are kept no longer: submit it again.",
            job_id=job_id,
        )
    return await _again(link, record, sent)


async def _again(link: Link, record: JobRecord, sent: Draft) -> Draft:
    """The new job: it waits for what the old one waited for, or for what has been retried of that since."""
    newest = {each: found.id for each, found in (await newest_of(link, record.after)).items()}
    taken = {name: sent.instead.get(name, name) for name in sent.parents}
    rest = [each for each in record.after if each not in taken.values()]
    # what a job that has begun waited for has ended; the server may know it no longer
    after = tuple(newest.get(each, each) for each in rest if each in newest or not record.fence)
    options = replace(
        sent.order.options, job_id=None, delay=0.0, at=None, unique=None, debounce=None, cache=None, after=after
    )
    earlier = (sent.order.retry_of, *sent.order.earlier)[:MOST_EARLIER] if sent.order.retry_of else ()
    order = replace(sent.order, options=options, retry_of=record.id, earlier=earlier, origin=origin(), group="", size=0)
    now = {name: newest.get(job_id, job_id) for name, job_id in taken.items()}
    instead = {name: job_id for name, job_id in now.items() if job_id != name}
    return replace(sent, job_id=new_job_id(), order=order, digest="", instead=instead)


async def newest_of(link: Link, ids: Sequence[str]) -> dict[str, JobRecord]:
    """Of each job that the server knows the last one of its retries, or itself."""
    found: dict[str, JobRecord] = {}
    asked = {each: each for each in ids}
    # not for ever, whatever is written in records
    for _ in range(GENERATIONS):
        if not asked:
            break
        records = await link.records(list(asked.values()))
        known = {name: record for name, record in zip(asked, records, strict=True) if record is not None}
        found |= known
        asked = {name: record.retried_by for name, record in known.items() if record.retried_by}
    return found


def unsealed(record: JobRecord, sealed: Sealed) -> Draft:
    """A verified submission, with what its record says beside."""
    header: dict[str, Any] = sealed.header
    options = replace(
        Options.from_wire(header.get("opt") or {}),
        queue=record.queue, priority=record.priority, tags=tuple(header.get("tags") or ()), expires=record.expires_s,
        label=None if header.get("label") == header["fn"] else header.get("label"),
    )  # fmt: skip
    lane = LANE_PROCESS if header.get("lane") == "process" else LANE_LOOP
    group = str(header.get("group", ""))
    order = Order(
        options=options, function=header["fn"], lane=lane, by_name=header.get("by") == "name", origin=origin(),
        group=group, retry_of=header.get("retry_of", ""), earlier=tuple(header.get("earlier") or ()),
        family=known(header.get("family")), trace=tracing.known(header.get("trace")),
    )  # fmt: skip
    return Draft(
        record.id, order, sealed.payload, tuple(header.get("inputs", ())), instead=dict(header.get("instead") or {})
    )
