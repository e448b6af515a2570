"""The job table as facts: which jobs are wanted, in which order, and the page of them that is shown. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nbqueue.board import group_row
from nbqueue.board.activity import WINDOWS, Window
from nbqueue.board.group_row import GroupRow
from nbqueue.board.own import Own
from nbqueue.model.job import JobRecord
from nbqueue.model.states import FINAL, LIVE, State

#: rows of a page that can be chosen
PAGES = (10, 25, 50)
#: functions that are offered to filter by
FUNCTIONS = 50

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

#: what can be asked of a job's state: words -> the states that are meant
STATES: Mapping[str, frozenset[State]] = {
    "any state": frozenset(State),
    "waiting or running": LIVE,
    "ended": FINAL,
    "did not succeed": FINAL - {State.SUCCEEDED},
    **{state.value.replace("_", " "): frozenset({state}) for state in State},
}


def _submitted(record: JobRecord) -> Any:
    return record.submitted_at or _LONG_AGO


def _name(record: JobRecord) -> Any:
    return (record.label or record.function or record.id).casefold()


def _standing(record: JobRecord) -> Any:
    """What runs stands highest, then what waits, that which is next first, then what has ended, the last one first."""
    if record.state.is_final:
        return 0, 0, (record.finished_at or _LONG_AGO).timestamp()
    if record.state is State.RUNNING:
        return 3, 0, (record.started_at or _LONG_AGO).timestamp()
    due = -(record.due_at or record.submitted_at or _LONG_AGO).timestamp()
    return (2, record.priority, due) if record.state is State.QUEUED else (1, 0, due)


#: the order that the queue itself has
STANDING = "as they stand"
#: what a table can be sorted by: words -> its key; equals stand by the time of their submit
SORTS: Mapping[str, Callable[[JobRecord], Any]] = {
    STANDING: _standing,
    "submitted": _submitted,
    "started": lambda record: record.started_at or _LONG_AGO,
    "ended": lambda record: record.finished_at or _LONG_AGO,
    "running time": lambda record: record.elapsed_s or 0.0,
    "progress": lambda record: record.progress.fraction or 0.0,
    "job": _name,
    "state": lambda record: list(State).index(record.state),
    "queue": lambda record: record.queue,
    "function": lambda record: record.function,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What somebody has chosen to see."""

    #: part of a job's name, id, group, function, queue, tag or error; several words must all be there
    text: str = ""
    #: words of STATES
    state: str = "any state"
    #: empty: all
    queue: str = ""
    #: a part of the names of queues
    queue_part: str = ""
    function: str = ""
    #: only what this notebook has submitted
    own: bool = False
    #: groups as one row each
    folded: bool = True
    #: words of SORTS
    sort: str = "submitted"
    descending: bool = True
    #: from 0 on
    page: int = 0
    page_size: int = PAGES[0]
    window: Window = WINDOWS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is shown of the table."""

    rows: tuple[JobRecord, ...] = ()
    #: place of the first row, from 0 on
    start: int = 0
    #: jobs that are wanted
    total: int = 0
    #: from 0 on
    number: int = 0
    #: at least one
    pages: int = 1
    #: whether rows keep their places because some are selected
    held: bool = False


def page(
    records: Sequence[JobRecord], choice: Choice, held: Sequence[str] = (), *,
    groups: Mapping[str, GroupRow] | None = None, own: Own | None = None,
) -> Page:  # fmt: skip
    """The page that is wanted.

    Args:
        records: the jobs that are known.
        choice: what somebody wants to see.
        held: ids of rows that stay where they are, as far as they are known.
        groups: the rows of groups that are known, by the id of the group.
        own: what this notebook has submitted, where that is known.
    """
    rows_of = groups if groups and choice.folded else {}
    found = rows_wanted(records, choice, rows_of, own or Own())
    pages = max(math.ceil(len(found) / choice.page_size), 1)
    number = min(choice.page, pages - 1)
    start = number * choice.page_size
    if held:
        known = {record.id: record for record in (*records, *rows_of.values())}
        rows = tuple(known[job_id] for job_id in held if job_id in known)
    else:
        rows = tuple(ordered(found, choice)[start : start + choice.page_size])
    return Page(rows=rows, start=start, total=len(found), number=number, pages=pages, held=bool(held))


def rows_wanted(
    records: Sequence[JobRecord], choice: Choice, groups: Mapping[str, GroupRow], own: Own
) -> list[JobRecord]:
    """The rows that are wanted: a group is one where it is itself, or a job of it that is known."""
    seen = [record for record in records if own.has(record)] if choice.own else list(records)
    rows = [row for row in groups.values() if own.has(row)] if choice.own else list(groups.values())
    return group_row.folded((*wanted(seen, choice), *wanted(rows, choice)), groups)


def wanted(records: Sequence[JobRecord], choice: Choice) -> list[JobRecord]:
    """The jobs that all of the filters are true of."""
    states, text = STATES.get(choice.state, frozenset(State)), " ".join(choice.text.casefold().split())
    return [
        record
        for record in records
        if _is(record, states)
        and choice.queue in ("", record.queue)
        and choice.queue_part in record.queue
        and choice.function in ("", record.function)
        and (not text or _has(record, text))
    ]


def ordered(records: Sequence[JobRecord], choice: Choice) -> list[JobRecord]:
    """Sorted as chosen."""
    key = SORTS.get(choice.sort, _submitted)
    newest_first = sorted(records, key=_submitted, reverse=True)
    return sorted(newest_first, key=key, reverse=choice.descending)


def functions(records: Sequence[JobRecord]) -> tuple[str, ...]:
    """The functions of some jobs, by name, so many that they can be offered."""
    return tuple(sorted({record.function for record in records if record.function})[:FUNCTIONS])


def _is(record: JobRecord, states: frozenset[State]) -> bool:
    """Whether a job, or one of a group, is in one of these states."""
    return not states.isdisjoint(record.counts) if isinstance(record, GroupRow) else record.state in states


def _has(record: JobRecord, text: str) -> bool:
    """Whether it stands in one of its texts as it was typed, or an id begins with it: ids hold any short text."""
    said = (record.label, record.function, record.queue, f"{record.error_type}: {record.error}", *record.tags)
    return any(text in each.casefold() for each in said) or any(
        name.casefold().startswith(text) for name in (record.id, record.group)
    )
