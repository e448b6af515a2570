"""What is said of the jobs that a dashboard does not list."""

from nbqueue.board import unlisted
from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.board.roster import Choice
from nbqueue.broker.queues import QueueStats
from nbqueue.model.job import JobRecord
from nbqueue.model.states import FAILURES, FINAL, State

WAITING = Facts(unseen={"bulk": 4003, "other": 2})
#: 600 failed and 5,000 succeeded in one queue, of which one each is listed; what failed in the other is
ENDED = Facts(
    queues=(
        QueueFacts(stats=QueueStats(name="bulk", ended={State.FAILED: 600, State.SUCCEEDED: 5000})),
        QueueFacts(stats=QueueStats(name="other", ended={State.CRASHED: 1})),
    ),
    jobs=(
        JobRecord(id="a", state=State.FAILED, queue="bulk"), JobRecord(id="b", state=State.SUCCEEDED, queue="bulk"),
        JobRecord(id="c", state=State.CRASHED, queue="other"),
    ),
    older=FINAL,
)  # fmt: skip


def test_what_is_not_listed_is_said_with_the_command_that_lists_it() -> None:
    """A queue that is chosen already is not to be chosen; a search tells that it looked at what is listed alone."""
    assert unlisted.words(WAITING, Choice()) == (
        "Not listed: 4,005 more waiting jobs; a queue chosen above lists more of its own."
    )
    assert unlisted.words(WAITING, Choice(queue="bulk", text="t 3")) == (
        "Not listed: 4,003 more waiting jobs; `nbqueue jobs --queue bulk --limit 100000` lists all of the queue. Only "
        "jobs that are listed were searched; of all, `nbqueue jobs --queue bulk --tag 't 3'` finds a tag."
    )
    assert unlisted.words(Facts(), Choice(queue="bulk", text="t3")) == ""


def test_nothing_is_said_of_other_queues_and_states() -> None:
    """Whoever looks at one queue, or at what failed, is told of that alone."""
    assert unlisted.words(WAITING, Choice(queue="small")) == ""
    assert unlisted.words(WAITING, Choice(state="failed")) == ""
    assert "4,003 more waiting" in unlisted.words(WAITING, Choice(queue_part="ul"))


def test_what_has_ended_and_is_not_listed_is_said_by_its_state() -> None:
    """As far as more jobs ever ended so than are listed, and these were not all read."""
    assert unlisted.words(ENDED, Choice()) == (
        "Not listed: older succeeded and failed jobs; `nbqueue jobs --limit 100000` lists all."
    )
    assert unlisted.words(ENDED, Choice(queue="bulk", state="did not succeed")) == (
        "Not listed: older failed jobs; `nbqueue jobs --queue bulk --limit 100000` lists all of the queue."
    )
    assert unlisted.words(ENDED, Choice(queue="other")) == ""
    assert unlisted.words(ENDED, Choice(), frozenset(FAILURES)).startswith("Not listed: older failed jobs;")
