"""What a card shows follows from the facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbqueue.client.group_failures import Failed
from nbqueue.display import palette, view, view_group
from nbqueue.display.view import CardView, Failure
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State, WaitReason

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
RUNNING = JobRecord(
    id="j1", state=State.RUNNING, label="solve ft10", started_at=NOW - timedelta(seconds=12.4), tries=1,
    progress=Progress(
        done=37, total=120, message="searching", metrics={"nodes": 5, "gap": 0.02, "objective": 945, "bound": 930.5}
    ),
)  # fmt: skip


def _clock(seconds: int) -> str:
    """The time of day so many seconds from now."""
    return f"{(NOW + timedelta(seconds=seconds)).astimezone():%H:%M:%S}"


def test_a_running_job() -> None:
    """A running job shows how far it is, since when, and a solver's figures in their usual order."""
    assert view.of_job(RUNNING, now=NOW, log_tail="a\n\nb\n\x1b[31mc\x1b[0m\n\x1b[2Jd\n") == CardView(
        id=RUNNING.id, look=palette.STATES[State.RUNNING], title="solve ft10", fraction=37 / 120, count="37/120",
        percent="30%", elapsed="12 s", message="searching",
        metrics=(("objective", "945"), ("bound", "930.5"), ("gap", "2.00%"), ("nodes", "5")),
        remaining="about 27 s left", log=("a", "b", "\x1b[31mc\x1b[0m", "d"), active=True,
    )  # fmt: skip


def test_a_bar_of_a_gap_tells_no_time() -> None:
    """What a solver has closed of its gap says nothing of what the rest takes; another bar beside a gap does."""
    told = Progress(done=92, total=100, metrics={"gap": 0.078})
    assert view.of_job(replace(RUNNING, progress=told), now=NOW).remaining == ""
    other = replace(told, metrics={"gap": 0.5})
    assert view.of_job(replace(RUNNING, progress=other), now=NOW).remaining == "about 1 s left"


def test_a_queued_job() -> None:
    """A job that has not begun shows its state and no time."""
    assert view.of_job(JobRecord(id="j1", state=State.QUEUED, function="score"), now=NOW) == CardView(
        id="j1", look=palette.STATES[State.QUEUED], title="score"
    )


@pytest.mark.parametrize(
    ("facts", "word", "notes"),
    [
        ({"state": State.QUEUED, "reason": WaitReason.PAUSED}, "paused", ('queue "default" is paused',)),
        ({"state": State.SCHEDULED, "reason": WaitReason.BLOCKED}, "waiting", ("waits for other jobs",)),
        ({"state": State.QUEUED, "reason": WaitReason.BLOCKED, "after": ("a", "b", "c")}, "waiting",
         ("waits for other jobs",)),
        ({"state": State.SCHEDULED, "due_at": NOW + timedelta(seconds=90)}, "scheduled",
         (f"starts in 1 min 30 s, at {_clock(90)}",)),
        (
            {"state": State.SCHEDULED, "reason": WaitReason.RETRYING, "due_at": NOW + timedelta(seconds=5), "tries": 2,
             "max_tries": 3},
            "retrying", (f"tries again in 5 s, at {_clock(5)}", "try 2 of 3"),
        ),
        ({"state": State.QUEUED, "losses": 1}, "queued", ("its worker was lost, runs again",)),
        ({"state": State.RUNNING, "crashes": 1, "losses": 1}, "running", ("its process died (2 times), runs again",)),
        ({"state": State.RUNNING, "cancel_requested": True}, "cancelling", ()),
        ({"state": State.SUCCEEDED, "stopped_by": "timeout"}, "succeeded", ("handed back at its time limit",)),
        ({"state": State.SUCCEEDED, "crashes": 1}, "succeeded", ("its process died once",)),
        ({"state": State.CRASHED, "crashes": 3}, "crashed", ("its process died 3 times",)),
        ({"state": State.CANCELLED, "stopped_by": "cancel"}, "cancelled", ()),
    ],
)  # fmt: skip
def test_the_notes_say_why(facts: dict[str, object], word: str, notes: tuple[str, ...]) -> None:
    """A card says why a job waits, which try it is and how it was stopped."""
    found = view.of_job(replace(JobRecord(id="j1", state=State.QUEUED), **facts), now=NOW)  # type: ignore[arg-type]
    assert (found.look.word, found.notes) == (word, notes)


def test_what_was_known_is_told_as_that() -> None:
    """Of a job that ran: nothing that promises, moves or has a colour of what is under way."""
    unknown_end = replace(RUNNING, progress=Progress(done=3))
    told = [view.known_at(view.of_job(job, now=NOW), NOW) for job in (RUNNING, unknown_end)]
    assert [(each.look.word, each.look.colour, each.remaining, each.active) for each in told] == [
        (f"was running at {NOW.astimezone():%Y-%m-%d %H:%M}", palette.GREY, "", False)
    ] * 2
    group = view.known_at(view_group.of_group({State.RUNNING: 1, State.SUCCEEDED: 2}, 3, now=NOW), NOW)
    assert [part.look.colour for part in group.segments] == [palette.GREEN, palette.GREY]


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_own_look(state: State) -> None:
    """No two states share glyph or word, in Unicode or in ASCII."""
    looks = list(palette.STATES.values())
    mine = palette.STATES[state]
    assert [(look.glyph == mine.glyph, look.ascii == mine.ascii, look.word == mine.word) for look in looks].count(
        (False, False, False)
    ) == len(looks) - 1


def test_a_finished_job_is_full_and_cannot_be_cancelled() -> None:
    """Success fills the bar even where nothing was reported; the time stands still."""
    ended = replace(RUNNING, state=State.SUCCEEDED, finished_at=NOW, progress=Progress())
    found = view.of_job(ended, now=NOW + timedelta(hours=1))
    assert (found.fraction, found.elapsed, found.final, found.cancellable) == (1.0, "12.4 s", True, False)


@pytest.mark.parametrize(
    ("state", "message"),
    [(State.SUCCEEDED, ""), (State.FAILED, "last: searching"), (State.CANCELLED, "last: searching")],
)
def test_what_a_job_said_last_is_not_what_it_does(state: State, message: str) -> None:
    """After a success the last message is gone; of a job that stopped before, it is told as the last."""
    assert view.of_job(replace(RUNNING, state=state, finished_at=NOW), now=NOW).message == message


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.FAILED])
def test_a_job_that_never_started_has_an_empty_bar(state: State) -> None:
    """Nothing of it was done; one that ended on its way, nobody knows how far, has a full one."""
    never = JobRecord(id="j1", state=state)
    assert view.of_job(never, now=NOW).fraction == 0.0
    assert view.of_job(replace(never, started_at=NOW), now=NOW).fraction is None


def test_a_failed_job_says_its_error() -> None:
    """A failed job shows class and first line of the error, and keeps the bar where it was."""
    ended = replace(RUNNING, state=State.FAILED, finished_at=NOW, error_type="ValueError", error="no\x1b[31m room")
    found = view.of_job(ended, now=NOW)
    assert (found.error, found.fraction) == ("ValueError: no room", 37 / 120)


def test_what_the_server_knows_no_longer_has_not_crashed() -> None:
    """It may have been deleted; nothing is left that could be retried."""
    gone = view.of_job(JobRecord(id="j1", state=State.CRASHED, error_type="JobLost", error="no longer known"), now=NOW)
    assert (gone.look.word, gone.retryable, gone.final) == ("unknown", False, True)
    assert view.of_job(JobRecord(id="j1", state=State.CRASHED, error_type="JobCrashed"), now=NOW).retryable


def test_the_clock_of_another_machine_gives_no_negative_time() -> None:
    """A job that began in the future, by this clock, has run for 0 s."""
    assert view.of_job(RUNNING, now=NOW - timedelta(minutes=5)).elapsed == "0 s"


def test_a_group_has_one_part_a_state() -> None:
    """A group's bar has a part for each state, ended ones first; waiting jobs do not fill it."""
    found = view_group.of_group({State.QUEUED: 5, State.RUNNING: 2, State.SUCCEEDED: 2, State.FAILED: 1}, 10, now=NOW)
    parts = [(part.look.word, part.count, part.share, part.begun) for part in found.segments]
    assert (found.look.word, found.title, found.count, parts) == (
        "running", "10 jobs", "3/10",
        [("succeeded", 2, 0.2, True), ("failed", 1, 0.1, True), ("running", 2, 0.2, True), ("queued", 5, 0.5, False)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "word", "final"),
    [
        ({State.QUEUED: 3}, "queued", False),
        ({State.SUCCEEDED: 1, State.QUEUED: 2}, "running", False),
        ({State.SUCCEEDED: 3}, "succeeded", True),
        ({State.SUCCEEDED: 2, State.CRASHED: 1}, "ended", True),
        ({State.FAILED: 3}, "failed", True),
        ({State.SUCCEEDED: 2, State.CANCELLED: 1}, "cancelled", True),
        ({State.SUCCEEDED: 2, State.EXPIRED: 1}, "expired", True),
    ],
)
def test_a_group_is_as_its_jobs_are(counts: dict[State, int], word: str, final: bool) -> None:  # noqa: FBT001
    """A group has ended when all its jobs have, and its word is that of the worst."""
    found = view_group.of_group(counts, 3, now=NOW)
    assert (found.look.word, found.final) == (word, final)


@pytest.mark.parametrize(
    ("counts", "facts", "word", "notes"),
    [
        ({State.SUCCEEDED: 1, State.QUEUED: 2}, {"paused": True, "why": 'queue "a" is paused'}, "paused",
         ('queue "a" is paused',)),
        ({State.QUEUED: 3}, {"paused": True, "why": 'queue "a" is paused'}, "paused", ('queue "a" is paused',)),
        ({State.RUNNING: 1, State.QUEUED: 2}, {"paused": True}, "running", ()),
        ({State.SUCCEEDED: 1, State.QUEUED: 2}, {"hint": "no worker serves it"}, "queued", ()),
        ({State.SUCCEEDED: 1, State.QUEUED: 2}, {"why": "all 2 slots are busy"}, "queued", ("all 2 slots are busy",)),
        ({State.SUCCEEDED: 1, State.QUEUED: 2}, {"paused": True, "cancel_asked": True}, "cancelling", ()),
        ({State.SUCCEEDED: 3}, {"paused": True, "why": 'queue "a" is paused'}, "succeeded", ()),
    ],
)  # fmt: skip
def test_a_group_that_is_held_up_does_not_run(
    counts: dict[State, int], facts: dict[str, Any], word: str, notes: tuple[str, ...]
) -> None:
    """Where nothing of it runs and its queue is paused, or it lacks something, its card says so, also once it began."""
    found = view_group.of_group(counts, 3, now=NOW, **facts)
    assert (found.look.word, found.notes) == (word, notes)


def test_an_empty_group_has_ended() -> None:
    """A group without jobs has succeeded."""
    found = view_group.of_group({}, 0, now=NOW)
    assert (found.look.word, found.fraction) == ("succeeded", 1.0)


@pytest.mark.parametrize(
    ("counts", "elapsed", "remaining"),
    [
        ({State.QUEUED: 10}, "20 s", ""),
        ({State.RUNNING: 2, State.SUCCEEDED: 1, State.QUEUED: 7}, "20 s", ""),
        ({State.RUNNING: 2, State.SUCCEEDED: 2, State.QUEUED: 6}, "20 s", "about 60 s left"),
        ({State.RUNNING: 2, State.SUCCEEDED: 3, State.FAILED: 1, State.QUEUED: 4}, "20 s", "about 20 s left"),
        ({State.RUNNING: 2, State.SUCCEEDED: 8}, "20 s", ""),
        ({State.SUCCEEDED: 10}, "16.0 s", ""),
    ],
)
def test_a_group_says_how_long_it_has_run_and_will(counts: dict[State, int], elapsed: str, remaining: str) -> None:
    """Time runs from the first start to the last end; the rest is told once as many have ended as run at once.

    Here the last one ended 16 seconds after the first start, and that is 4 seconds ago: with 2 of 10 done at 8 seconds
    a job, 8 are left. What should be over by that rate is not told.
    """
    began, last = NOW - timedelta(seconds=20), NOW - timedelta(seconds=4)
    found = view_group.of_group(counts, 10, now=NOW, began_at=began, last_end_at=last)
    assert (found.elapsed, found.remaining) == (elapsed, remaining.replace("60 s", "1 min 00 s"))


def test_the_rate_of_a_retry_is_that_of_what_is_retried() -> None:
    """What had ended before counts in the bar, and neither for the rate nor for the time left."""
    began, last = NOW - timedelta(seconds=20), NOW - timedelta(seconds=4)
    counts = {State.SUCCEEDED: 94, State.RUNNING: 2, State.QUEUED: 4}
    found = view_group.of_group(counts, 100, now=NOW, began_at=began, last_end_at=last, before=90)
    assert (found.count, found.notes, found.elapsed, found.remaining) == (
        "94/100", ("15 a minute",), "20 s", "about 20 s left",
    )  # fmt: skip


def test_failures_of_a_group_are_counted_by_their_error() -> None:
    """The most frequent ones by name, an end without an error by its state, the rest as one number."""
    errors = {"ValueError": 4, "timed_out": 3, "KeyError": 2, "OSError": 2, "E\x1b[1m1": 1, "E2": 1, "E3": 1}
    record = JobRecord(id="j1", state=State.FAILED, error_type="ValueError", error="none\ntwo")
    failed = [Failed(record=record, place=7, called_with="'ft10', 60")]
    found = view_group.of_group({State.FAILED: 14}, 14, now=NOW, failures=failed, errors=errors)
    assert found.errors == (
        ("ValueError", 4), ("timed out", 3), ("KeyError", 2), ("OSError", 2), ("E1", 1), ("others", 2),
    )  # fmt: skip
    row = Failure(palette.STATES[State.FAILED], 7, "'ft10', 60", "ValueError: none two")
    assert (found.failures, found.more_failures) == ((row,), 13)
