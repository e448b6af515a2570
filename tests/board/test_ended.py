"""The jobs that have ended which a dashboard knows by name."""

from datetime import UTC, datetime, timedelta

from nbqueue.board.ended import KEPT, Ended
from nbqueue.model.job import JobRecord
from nbqueue.model.states import FAILURES, FINAL, State

START = datetime(2026, 1, 2, tzinfo=UTC)
OTHERS = FINAL - frozenset(FAILURES)


def jobs(state: State, count: int, since: int = 0) -> list[JobRecord]:
    """So many jobs that ended so, one a second, the newest first."""
    ends = [(number, START + timedelta(seconds=number)) for number in range(since + count - 1, since - 1, -1)]
    return [JobRecord(id=f"{state}-{number}", state=state, finished_at=at) for number, at in ends]


def test_successes_push_out_no_failures() -> None:
    """However many come after them; of each kind the newest stay, and it is known of which some went."""
    ended = Ended()
    for record in (*jobs(State.FAILED, 500), *jobs(State.SUCCEEDED, 3 * KEPT, since=500)):
        ended.put(record)
        ended.shrink()
    kept = [record.state for record in ended.records.values()]
    assert (kept.count(State.FAILED), KEPT <= kept.count(State.SUCCEEDED) <= 2 * KEPT) == (500, True)
    assert (ended.cut, f"succeeded-{499 + 3 * KEPT}" in ended.records) == (OTHERS, True)


def test_failures_are_found_behind_many_successes() -> None:
    """What is read back goes on for one kind when there is no more room for the other."""
    ended = Ended()
    ever = {State.SUCCEEDED: 9 * KEPT, State.CRASHED: 7}
    ended.put_old(jobs(State.SUCCEEDED, KEPT + 1))
    assert (len(ended.records), ended.cut, ended.has_room(ever)) == (KEPT, OTHERS, True)
    ended.put_old(jobs(State.CRASHED, 7))
    assert (len(ended.records), ended.cut, ended.has_room(ever)) == (KEPT + 7, OTHERS, False)
    ended.drop("crashed-0")
    assert ended.has_room(ever)
