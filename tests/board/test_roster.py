"""The job table of the dashboard as facts: filters, order, pages, and rows that stay where they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbqueue.board import group_row, roster
from nbqueue.board.own import Own
from nbqueue.board.roster import Choice
from nbqueue.broker.groups import GroupCounts
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(number: int, state: State = State.QUEUED, **facts: Any) -> JobRecord:
    """A job that was submitted so many seconds after the start."""
    at = START + timedelta(seconds=number)
    return JobRecord(**{"id": f"j{number}", "state": state, "function": "solve", "submitted_at": at, **facts})


def ids(records: Any, choice: Choice, held: tuple[str, ...] = ()) -> list[str]:
    """The ids of the page that is shown."""
    return [record.id for record in roster.page(records, choice, held).rows]


JOBS = [
    job(1, State.RUNNING, label="Solve A", progress=Progress(done=3, total=4)),
    job(2, queue="nightly", function="train", tags=("big",)),
    job(3, State.FAILED, error_type="ValueError", error="no such file"),
    job(4, State.SUCCEEDED, function="train", finished_at=START + timedelta(seconds=9)),
]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), ["j4", "j3", "j2", "j1"]),
        (Choice(state="waiting or running"), ["j2", "j1"]),
        (Choice(state="ended"), ["j4", "j3"]),
        (Choice(state="did not succeed"), ["j3"]),
        (Choice(state="running"), ["j1"]),
        (Choice(queue="nightly"), ["j2"]),
        (Choice(function="train"), ["j4", "j2"]),
        (Choice(text="solve  a"), ["j1"]),
        (Choice(text="ERROR: no such"), ["j3"]),
        (Choice(text="file error"), []),
        (Choice(text="4"), []),
        (Choice(text="big"), ["j2"]),
        (Choice(text="j4"), ["j4"]),
        (Choice(text="big", queue="default"), []),
        (Choice(text="(.*"), []),
    ],
)
def test_filters_are_all_true_of_a_row(choice: Choice, expected: list[str]) -> None:
    """State, queue, function and the text, as it was typed and no pattern; of an id only its beginning counts."""
    assert ids(JOBS, choice) == expected


@pytest.mark.parametrize(
    ("sort", "lowest_first"),
    [
        ("submitted", ["j1", "j2", "j3", "j4"]),
        ("job", ["j3", "j1", "j4", "j2"]),
        ("progress", ["j4", "j3", "j2", "j1"]),
        ("queue", ["j4", "j3", "j1", "j2"]),
        ("state", ["j2", "j1", "j4", "j3"]),
        ("ended", ["j3", "j2", "j1", "j4"]),
    ],
)
def test_a_table_is_sorted_by_a_column(sort: str, lowest_first: list[str]) -> None:
    """Of equals the newest stands first, whichever way the column is turned."""
    assert ids(JOBS, Choice(sort=sort, descending=False)) == lowest_first


def test_every_order_can_be_taken_of_every_job() -> None:
    """A job of which little is known is sorted like any other."""
    bare = JobRecord(id="bare", state=State.QUEUED)
    assert {sort: len(ids([*JOBS, bare], Choice(sort=sort))) for sort in roster.SORTS} == dict.fromkeys(roster.SORTS, 5)


def test_a_page_is_a_part_of_the_table() -> None:
    """Pages are counted from 0; one behind the last is the last."""
    jobs = [job(number) for number in range(25)]
    found = roster.page(jobs, Choice(page=9, page_size=10))
    assert [record.id for record in found.rows] == ["j4", "j3", "j2", "j1", "j0"]
    assert (found.start, found.total, found.number, found.pages, found.held) == (20, 25, 2, 3, False)
    assert roster.page([], Choice()) == roster.Page()


def test_held_rows_keep_their_places() -> None:
    """While some rows are selected new jobs push nothing aside, changes are shown, and what is gone leaves."""
    held = ("j2", "j9", "j1")
    found = roster.page([job(3), job(2, State.RUNNING), job(1)], Choice(state="queued"), held)
    assert [(record.id, record.state) for record in found.rows] == [("j2", "running"), ("j1", "queued")]
    assert (found.total, found.held) == (2, True)


def test_functions_are_offered_by_name() -> None:
    """Each once, and no more than fit into a list."""
    assert roster.functions(JOBS) == ("solve", "train")
    assert len(roster.functions([job(1, function=f"f{number}") for number in range(99)])) == roster.FUNCTIONS


def test_a_group_is_one_row_unless_its_jobs_are_wanted() -> None:
    """Where it is itself what is looked for, or one of its jobs is; in the place of its first job."""
    jobs = [job(1, group="g"), job(2, State.FAILED, group="g", error="disk full"), job(3), job(4, group="unknown")]
    counts = GroupCounts(total=500, left=490, states={State.QUEUED: 490, State.SUCCEEDED: 9, State.FAILED: 1})
    groups = {"g": group_row.row(counts, jobs[0], jobs[:2], ())}

    def shown(**chosen: Any) -> list[str]:
        return [each.id for each in roster.page(jobs, Choice(**chosen), groups=groups).rows]

    assert shown() == ["j4", "j3", "group g"]
    assert shown(folded=False) == ["j4", "j3", "j2", "j1"]
    assert shown(text="disk") == ["group g"]
    assert shown(text="disk", folded=False) == ["j2"]
    assert shown(text="g", state="succeeded") == ["group g"]
    assert shown(state="running") == []
    held = roster.page(jobs, Choice(), ("group g", "j3"), groups=groups)
    assert [each.id for each in held.rows] == ["group g", "j3"]
    assert (group_row.jobs_of(["group g", "j3"], groups), held.total) == (501, 3)


def test_the_jobs_of_a_notebook_are_those_that_it_lists() -> None:
    """By their ids, or by their group; while that is not known there are none."""
    jobs = [job(1), job(2), job(3, group="g")]
    own = Own(["group g", "j2"])
    assert [each.id for each in roster.page(jobs, Choice(own=True), own=own).rows] == ["j3", "j2"]
    assert roster.page(jobs, Choice(own=True)).total == 0
    assert roster.page(jobs, Choice(), own=own).total == 3
