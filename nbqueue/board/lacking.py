"""Which queues and jobs wait for what no worker has, once they have waited so long that it is worth saying. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.display.view_group import group_waits_for_worker
from nbqueue.model.advice import Offers, lack, no_worker
from nbqueue.model.job import JobRecord

#: for how many seconds a job may wait in a queue of that name before it is said
Patience = Callable[[str], float]


def noted(facts: Facts, offers: Offers, patience_s: Patience) -> Facts:
    """The same facts with what queues and jobs lack."""
    if facts.at is None:
        return facts
    found = replace(facts, queues=tuple(of_queue(each, offers, patience_s) for each in facts.queues))
    return replace(found, lacks={**of_jobs(facts.jobs, offers, patience_s, facts.at), **of_groups(found)})


def of_queue(facts: QueueFacts, offers: Offers, patience_s: Patience) -> QueueFacts:
    """A queue, with what its next job lacks where nobody serves it."""
    stats = facts.stats
    waits = stats.ready > 0 and (facts.oldest_s or 0.0) >= patience_s(stats.name)
    return replace(facts, lack=no_worker(stats.name)) if waits and stats.name not in offers else facts


def of_jobs(records: Iterable[JobRecord], offers: Offers, patience_s: Patience, now: datetime) -> Mapping[str, str]:
    """Job id -> what it lacks, in a sentence; only those that lack something."""
    found = {
        record.id: lack(record, offers)
        for record in records
        if record.may_lack and _waited_s(record, now) >= patience_s(record.queue)
    }
    return {job_id: words for job_id, words in found.items() if words}


def of_groups(facts: Facts) -> Mapping[str, str]:
    """The same of the rows of groups: where none of its jobs runs, and nobody serves their queue."""
    lacks = {each.stats.name: each.lack for each in facts.queues if each.lack}
    rows = [row for row in facts.groups.values() if group_waits_for_worker(row.counts)]
    return {row.id: lacks[row.queue] for row in rows if row.queue in lacks}


def _waited_s(record: JobRecord, now: datetime) -> float:
    """Since when it could have started; 0 where that is not known, as of one that a worker gave back."""
    known = [at for at in (record.submitted_at, record.due_at) if at is not None]
    return (now - max(known)).total_seconds() if known else 0.0
