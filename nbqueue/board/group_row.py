"""A group as one row of the job table, in the place of its jobs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nbqueue.broker.groups import GroupCounts
from nbqueue.broker.owners import GROUP
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import FINAL, State

#: what a group is, by the first of these that one of its jobs is
_ORDER = (
    State.RUNNING, State.QUEUED, State.SCHEDULED, State.FAILED, State.TIMED_OUT, State.CRASHED, State.CANCELLED,
    State.EXPIRED, State.SUCCEEDED,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GroupRow(JobRecord):
    """A group, which is sorted, ticked and acted on like a job. Its id is the owners' name of it, which no job has."""

    #: its jobs
    total: int
    #: state -> number of its jobs
    counts: Mapping[State, int] = field(default_factory=dict)


def row(found: GroupCounts, first: JobRecord, members: Sequence[JobRecord], ended: Collection[str]) -> GroupRow:
    """The row of a group.

    Args:
        found: what the server counts of it.
        first: what is known of its first job, which tells its name.
        members: those of its jobs that are known.
        ended: ids of the jobs that are known to have ended last.
    """
    starts = [record.started_at for record in (first, *members) if record.started_at is not None]
    # some of those that have ended may have been deleted
    total = found.total if found.left else sum(found.states.values())
    # of a group that ended long ago some end is known, but not the last
    ends = [each.finished_at for each in members if each.finished_at is not None and each.id in ended]
    return GroupRow(
        id=GROUP + first.group, group=first.group, label=first.label, function=first.function, queue=first.queue,
        tags=first.tags, priority=first.priority, submitted_at=first.submitted_at,
        state=next((state for state in _ORDER if found.states.get(state)), first.state),
        started_at=min(starts, default=None), finished_at=None if found.left else max(ends, default=None),
        progress=Progress(done=sum(found.states.get(state, 0) for state in FINAL), total=total),
        total=total, counts=found.states,
    )  # fmt: skip


def folded(records: Iterable[JobRecord], groups: Mapping[str, GroupRow]) -> list[JobRecord]:
    """Jobs, and in the place of those of a group that is known its row, once."""
    found: dict[str, JobRecord] = {}
    for record in records:
        shown = groups.get(record.group, record)
        found.setdefault(shown.id, shown)
    return list(found.values())


def jobs_of(names: Iterable[str], groups: Mapping[str, GroupRow]) -> int:
    """How many jobs these rows stand for, as far as is known."""
    rows = {each.id: each for each in groups.values()}
    return sum(rows[name].total if name in rows else 1 for name in names)


def is_group(name: str) -> bool:
    """Whether a row of that name is one of a group."""
    return name.startswith(GROUP)


def group_of(name: str) -> str:
    """The id of the group that a row is of."""
    return name.removeprefix(GROUP)
