"""What jobs ask of their engine is checked: it does for them what they may do, in their namespace, and not more."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from nbqueue import JobCrashed, JobFailed, options, run, submit
from tests.attacks import errand_forgers
from tests.attacks.store import Store
from tests.attacks.test_hostile_jobs import neighbour
from tests.waiting import wait_until
from tests.workers import Worker

__all__ = ["neighbour"]

pytestmark = pytest.mark.usefixtures("client", "worker")

KINDS = (
    "unknown question", "no question", "another namespace", "another namespace in the form",
    "another namespace in the queue", "another namespace in the id", "another parent", "an id in the options",
    "unknown option", "a lane that is none", "a name over the limit", "a call that is too large",
    "a call that is not there", "more than was listed",
    "a parent of another namespace", "a digest that is none", "no jobs", "too many jobs", "a job twice",
    "a job that is no text", "a claim that is none", "a payload where none belongs", "a number that is none",
    "a number twice", "two submits at once",
    "pieces by no digest", "no pieces", "a piece of nothing", "a piece with a name", "two pieces at once", "a flood",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_that_asks_what_it_may_not_is_killed(worker: Worker, store: Store, kind: str) -> None:
    """Its process and its job end, nothing of what it asked for is done, and the engine goes on."""
    before, sent = worker.engine_ids(), len(store.client.keys("arq:job:*"))
    with pytest.raises(JobCrashed, match=r"did not keep to what it may say to its worker"):
        run(errand_forgers.forge, kind).wait(15)
    assert run(len, "abc").wait(10) == 3
    assert worker.engine_ids() == before
    assert [key for key in store.client.keys("*") if b"theirs" in key] == []
    # its own call is kept, as it crashed; the first of two submits was in order, and of all others nothing is there
    assert len(store.client.keys("arq:job:*")) - sent <= 1 + (kind == "two submits at once")


def test_a_neighbour_is_not_disturbed(neighbour: Callable[[], bool]) -> None:
    """A job in another child goes on while its neighbour is killed for a flood."""
    with pytest.raises(JobCrashed):
        run(errand_forgers.forge, "a flood").wait(15)
    assert neighbour()


def test_an_engine_does_not_pile_up_answers(worker: Worker) -> None:
    """A job that asks for a large result many times, and reads slowly, costs its engine one answer at a time."""
    size = 20_000_000
    job = submit(errand_forgers.large, size).wait(5)
    wait_until(lambda: job.state().wait(5).is_final, 20)
    engine = psutil.Process(worker.engine())
    before, most = engine.memory_info().rss, 0
    hoarding = submit(errand_forgers.hoard, job.id, 1.0).wait(5)
    while not hoarding.state().wait(5).is_final:
        most = max(most, engine.memory_info().rss)
        time.sleep(0.01)
    assert hoarding.wait(5) == "done"
    assert most - before < 10 * size
    assert run(len, "abc").wait(10) == 3


def test_a_result_that_nobody_signed_is_not_handed_on(store: Store) -> None:
    """The engine verifies what it reads for a job: a forged result is an error there, and is not unpickled."""
    job = submit(len, "four").wait(5)
    assert job.wait(10) == 4
    sealed = store.client.get(store.keys.result(job.id))
    store.client.set(store.keys.result(job.id), sealed[:-2] + b"\x01.")
    said = run(errand_forgers.takes, job.id).wait(10)
    assert said.startswith("TamperedPayload: The record of job")
    store.client.set(store.keys.result(job.id), sealed)
    assert run(errand_forgers.takes, job.id).wait(10) == "value 4"


def test_a_call_that_nobody_signed_is_not_sent_again(store: Store) -> None:
    """A retry in a job is of the call that a key holder signed, or of none."""
    job = submit(errand_forgers.wrong).wait(5)
    with pytest.raises(JobFailed):
        job.wait(10)
    assert run(errand_forgers.retries, job.id).wait(10).startswith("JobFailed: ValueError: wrong")
    sealed = store.client.get(store.keys.submission(job.id))
    store.client.set(store.keys.submission(job.id), sealed[:-30] + b"x" + sealed[-29:])
    assert run(errand_forgers.retries, job.id).wait(10).startswith("TamperedPayload: The record of job")


def test_slots_cannot_be_multiplied(worker: Worker, tmp_path: Path) -> None:
    """A job that gives its slot back many times has given one; when it has ended, all is as before."""
    before = worker.engine_ids()
    assert run(errand_forgers.rests_and_ends).wait(10) == "ended"
    ledger = tmp_path / "ledger"
    group = options(timeout=20).submit_map(_together, [str(ledger)] * 8).wait(5)
    assert max(group.wait(30)) <= 2
    assert worker.engine_ids() == before


def _together(ledger: str) -> int:
    """How many of these run at once, this one among them."""
    folder = Path(ledger)
    folder.mkdir(exist_ok=True)
    mark = folder / str(time.monotonic_ns())
    mark.touch()
    time.sleep(0.1)
    found = len(list(folder.iterdir()))
    mark.unlink()
    return found
