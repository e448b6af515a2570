"""What a dashboard knows of a real server and its workers, and what it does to their jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.board import roster
from nbqueue.board.activity import WINDOWS, Bar
from nbqueue.board.facts import Facts
from nbqueue.board.gathering import Gathering
from nbqueue.board.roster import Choice
from nbqueue.client.portal import shutdown
from nbqueue.client.session import Session, session
from nbqueue.model.advice import no_worker
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from nbqueue.notebook import server
from nbqueue.notebook.board.actions import Searches
from nbqueue.notebook.board.desk import Desk
from tests.servers import Server, running_server
from tests.waiting import wait_until
from tests.workers import running_worker


class Looking:
    """A gathering that goes on, and the desk it goes by."""

    def __init__(self, of: Session, *, up: bool = True) -> None:
        self.desk = Desk(lambda: None)
        self.gathering = Gathering(self.desk, lambda: up, server.NOT_RUNNING)
        self.answers: list[str] = []
        self.actions = Searches(of, self.answers.append, self.gathering.wake, self.gathering.forget)
        self.future: Future[None] = of.call(self.gathering.run)

    @property
    def facts(self) -> Facts:
        """What is known now."""
        return self.gathering.facts

    def jobs(self) -> dict[str, JobRecord]:
        """The jobs that are known, by id."""
        return {record.id: record for record in self.facts.jobs}

    def states(self) -> dict[str, str]:
        """Job id -> state."""
        return {job_id: str(record.state) for job_id, record in self.jobs().items()}

    def said(self) -> str:
        """The last answer to a click."""
        return wait_until(lambda: next((each for each in self.answers if not each.endswith("…")), ""), 20)


@pytest.fixture
def looking(settings: Settings) -> Iterator[Looking]:
    """A gathering of the test's server."""
    nbqueue.configure(settings)
    found = Looking(session())
    yield found
    found.future.cancel()


def test_what_waits_and_what_has_ended_is_known(looking: Looking, settings: Settings) -> None:
    """Queues with their numbers, each job with its state, and what ended of it in the chart."""
    delayed = nbqueue.options(queue="nightly", delay=60).submit(abs, -1).wait()
    waiting = nbqueue.options(queue="lonely").submit(abs, -2).wait()
    with running_worker(settings, "--slots", "1") as worker:
        done, failed = nbqueue.submit(abs, -3).wait(), nbqueue.submit(int, "x").wait()
        expected = {delayed.id: "scheduled", waiting.id: "queued", done.id: "succeeded", failed.id: "failed"}
        wait_until(lambda: looking.states() == expected, 20)
        wait_until(lambda: len(looking.facts.engines) == 1)
        assert looking.facts.engines[0].pid == worker.engine()
    facts = looking.facts
    numbers = {each.stats.name: (each.stats.queued, each.stats.scheduled) for each in facts.queues}
    assert numbers == {"default": (0, 0), "lonely": (1, 0), "nightly": (0, 1)}
    oldest = {each.stats.name: each.oldest_s for each in facts.queues}
    assert (oldest["default"], oldest["nightly"]) == (None, None)
    assert (oldest["lonely"] or 0) > 0
    assert facts.chart is not None
    assert facts.chart.total == Bar(succeeded=1, failed=1)
    assert facts.queues[0].per_minute == 2
    assert looking.jobs()[failed.id].error_type == "ValueError"


def test_what_ended_before_is_read_from_the_history(settings: Settings) -> None:
    """A dashboard that is opened later knows the same, as far back as its window reaches."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1"):
        nbqueue.submit_map(abs, range(40)).wait().wait(30)
    time.sleep(0.01)  # what ends in the very millisecond of the first look may be counted by either
    later = Looking(session())
    wait_until(lambda: len(later.facts.jobs) == 40)
    assert later.facts.chart is not None
    assert (later.facts.chart.total, later.facts.chart.complete) == (Bar(succeeded=40), True)
    later.desk.choose(window=WINDOWS[2])
    later.gathering.wake()
    wait_until(lambda: later.facts.chart is not None and later.facts.chart.window is WINDOWS[2])
    assert later.facts.chart.total == Bar(succeeded=40)
    later.future.cancel()


def test_many_waiting_jobs_are_counted_and_some_of_them_named(looking: Looking) -> None:
    """Whoever chooses a queue has more of its jobs named."""
    nbqueue.options(queue="big").submit_map(abs, range(3000)).wait()
    small = nbqueue.options(queue="small").submit(abs, 1).wait()
    wait_until(lambda: looking.facts.unseen and small.id in looking.jobs(), 20)
    wait_until(lambda: len(looking.facts.jobs) == 501)
    assert looking.facts.unseen == {"big": 2500}
    looking.desk.choose(queue="big")
    looking.gathering.wake()
    wait_until(lambda: len(looking.facts.jobs) == 3000)


def test_jobs_are_acted_on_and_what_became_of_it_is_said(looking: Looking) -> None:
    """Cancel, promote, retry and delete of several jobs at once answer in one sentence."""
    ids = [nbqueue.options(delay=60).submit(abs, number).wait().id for number in range(3)]
    for verb, given, sentence in (
        ("Promote", ids[:2], "Promote 2 jobs: 2 due now"),
        ("Cancel", ids[:2], "Cancel 2 jobs: 2 cancelled"),
        ("Cancel", ids[:1], "Cancel 1 job: 1 already finished"),
        ("Retry", ids[:1], "Retry 1 job: 1 submitted again"),
        ("Delete", ids[2:], "Delete 1 job: 1 deleted"),
        ("Delete", ["nosuchjob"], "Delete 1 job: not known any more"),
    ):
        looking.answers.clear()
        looking.actions.act(verb, given)
        assert looking.said() == sentence
    looking.answers.clear()
    looking.actions.act("Retry", [nbqueue.submit(abs, 1).wait().id])
    assert "not retried (Job " in looking.said()
    wait_until(lambda: sorted(looking.states().values()) == ["cancelled", "cancelled", "cancelled", "queued", "queued"])


def test_a_deleted_job_leaves_the_page(looking: Looking, settings: Settings) -> None:
    """The history still has it, but whoever looks at it is not shown what is gone."""
    with running_worker(settings, "--slots", "1"):
        job = nbqueue.submit(abs, -1).wait()
        wait_until(lambda: looking.states().get(job.id) == "succeeded", 20)
    looking.desk._rows = (job.id,)
    job.delete().wait()
    wait_until(lambda: job.id not in looking.jobs())


def test_a_queue_is_paused_and_resumed(looking: Looking) -> None:
    """The next look knows it."""
    nbqueue.submit(abs, 1).wait()
    looking.actions.pause("default")
    wait_until(lambda: looking.facts.queues and looking.facts.queues[0].stats.paused)
    assert looking.said() == "Pause default: what runs goes on, nothing more starts"
    looking.actions.resume("default")
    wait_until(lambda: not looking.facts.queues[0].stats.paused)


def test_a_stack_that_does_not_run_is_not_started(home: Path) -> None:
    """It is said, and nothing is asked."""
    nbqueue.configure(Settings(home=home))
    found = Looking(session(), up=False)
    wait_until(lambda: found.facts.problem == server.NOT_RUNNING)
    assert found.facts.at is None
    found.future.cancel()
    assert not (home / "server").exists()


def test_a_server_that_is_away_is_said_and_found_again(settings: Settings, server: Server) -> None:
    """What was known stays; after the outage the facts are new."""
    nbqueue.configure(Settings(url=settings.url, home=settings.home, connect_timeout_s=0.2))
    found = Looking(session())
    nbqueue.submit(abs, 1).wait()
    wait_until(lambda: len(found.facts.jobs) == 1)
    server.process.send_signal(19)
    try:
        wait_until(lambda: found.facts.problem, 20)
        assert len(found.facts.jobs) == 1
    finally:
        server.process.send_signal(18)
    wait_until(lambda: not found.facts.problem, 20)
    found.future.cancel()


def test_nothing_is_asked_any_more_in_the_end(looking: Looking) -> None:
    """A cancelled gathering ends at once."""
    wait_until(lambda: looking.facts.version)
    looking.future.cancel()
    with pytest.raises(CancelledError):
        looking.future.result(5)
    version = looking.facts.version
    looking.gathering.wake()
    time.sleep(0.3)
    assert looking.facts.version == version


def test_a_queue_without_a_worker_is_told_from_others(looking: Looking, settings: Settings) -> None:
    """With its jobs, once they have waited; a worker that comes is seen."""
    lonely = nbqueue.options(queue="lonely").submit(abs, -1).wait()
    words = no_worker("lonely")
    wait_until(lambda: {each.stats.name: each.lack for each in looking.facts.queues} == {"lonely": words}, 20)
    assert looking.facts.lacks == {lonely.id: words}
    with running_worker(settings, "--slots", "1", "--queues", "lonely"):
        wait_until(lambda: not looking.facts.lacks and not looking.facts.queues[0].lack, 20)


def test_a_group_is_known_by_its_counts(looking: Looking) -> None:
    """However many jobs it has; what is done to its row is done to all of them."""
    group = nbqueue.submit_map(abs, range(3000)).wait()
    wait_until(lambda: group.id in looking.facts.groups, 20)
    row = looking.facts.groups[group.id]
    assert (row.total, row.counts, row.label) == (3000, {State.QUEUED: 3000}, "abs")
    assert [each.id for each in roster.page(looking.facts.jobs, Choice(), groups=looking.facts.groups).rows] == [row.id]
    for verb, sentence in (
        ("Cancel", "Cancel 1 group: 3,000 cancelled"),
        ("Retry", "Retry 1 group: 3,000 submitted again"),
        ("Delete", "Delete 1 group: 3,000 deleted"),
    ):
        looking.answers.clear()
        looking.actions.act(verb, [row.id])
        assert looking.said() == sentence
    wait_until(lambda: group.id not in {*looking.facts.groups, *(each.group for each in looking.jobs().values())}, 20)
    looking.answers.clear()
    looking.actions.act("Retry", [nbqueue.submit(abs, 1).wait().id, row.id])
    assert looking.said().startswith("Retry 1 job and 1 group: ")


def test_what_this_notebook_submitted_is_told_from_the_rest(looking: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what `attach()` finds, also where so much else waits that it is not listed."""
    mine = nbqueue.options(queue="big").submit(abs, 1).wait()
    group = nbqueue.submit_map(abs, range(3)).wait()
    monkeypatch.setenv("JPY_SESSION_NAME", "/tmp/other.ipynb")
    other = nbqueue.submit(abs, 2).wait()
    nbqueue.options(queue="big", priority="high").submit_map(abs, range(1500)).wait()
    monkeypatch.delenv("JPY_SESSION_NAME")
    wait_until(lambda: other.id in looking.jobs() and mine.id not in looking.jobs(), 20)
    looking.desk.choose(own=True)
    looking.gathering.wake()
    wait_until(lambda: looking.facts.own is not None and mine.id in looking.jobs(), 20)
    facts = looking.facts
    rows = roster.page(facts.jobs, Choice(own=True), groups=facts.groups, own=facts.own).rows
    assert {each.id for each in rows} == {mine.id, f"group {group.id}"}


def test_all_that_match_are_found_in_the_server(looking: Looking) -> None:
    """Not only those that the table lists."""
    ids = set(nbqueue.options(queue="big").submit_map(abs, range(1500)).wait().ids)
    nbqueue.options(queue="big", label="other").submit(int, 1).wait()
    found: list[str] = []
    looking.actions.find(Choice(queue="big", state="queued", text="abs"), found.extend)
    assert looking.said() == "Select all that match: 1,500 jobs selected"
    assert set(found) == ids


def test_what_was_retried_is_not_run_again_by_another_press(looking: Looking) -> None:
    """Jobs of a group that were picked by themselves are retried as one; of what was retried the last one counts."""
    group, single = nbqueue.submit_map(abs, range(3)).wait(), nbqueue.submit(abs, 1).wait()
    picked = [*group.ids, single.id]
    for verb, told in (
        ("Cancel", "4 cancelled"),
        ("Retry", "4 submitted again"),
        ("Retry", "there is nothing to retry"),
    ):
        looking.answers.clear()
        looking.actions.act(verb, picked)
        assert looking.said() == f"{verb} 4 jobs: {told}"
    again = group.newest().wait()
    assert (len(again), again.id == group.id, again[0].info().wait().group) == (3, False, again.id)
    single.newest().wait().cancel().wait()
    looking.answers.clear()
    looking.actions.act("Retry", picked)
    assert looking.said() == "Retry 4 jobs: 1 submitted again"


def test_a_server_that_gets_full_is_told_of(tmp_path: Path) -> None:
    """In a sentence, which the head of the dashboard shows."""
    with running_server(maxmemory="40mb", maxmemory_policy="noeviction") as small, small.client() as client:
        info: Any = client.info("memory")
        for number in range(int((0.85 * info["maxmemory"] - info["used_memory"]) // 100_000)):
            client.set(f"filler-{number}", b"x" * 100_000)
        nbqueue.configure(Settings(url=small.url, home=tmp_path / "home"))
        looking = Looking(session())
        try:
            wait_until(lambda: looking.facts.warning.startswith("The server holds"), 20)
        finally:
            looking.future.cancel()
            shutdown()
