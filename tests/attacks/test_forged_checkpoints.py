"""Checkpoints in the hands of somebody with the store: what no key holder wrote for this job is not unpickled."""

from pathlib import Path

import pytest

import nbqueue
from nbqueue import options, submit
from tests.attacks.store import Store, marking
from tests.waiting import wait_until
from tests.workers import Worker

pytestmark = pytest.mark.usefixtures("client", "unharmed")


def resumes(kept: str, again_in_s: float) -> str:
    """Keep a text and ask for another attempt; the second gives what it finds."""
    found: str = nbqueue.last_checkpoint("")
    job = nbqueue.current_job()
    if job is not None and job.attempt > 1:
        return found
    nbqueue.checkpoint(kept)
    raise nbqueue.RetryLater(again_in_s)


def test_a_checkpoint_comes_back(store: Store) -> None:
    """The next attempt of the job has what the first one kept, and the store has it signed."""
    job = submit(resumes, "mine", 0.6).wait(5)
    found = wait_until(lambda: store.client.get(store.keys.checkpoint(job.id)))
    assert found.startswith(b"NBQ1 ")
    assert job.wait(10) == "mine"


def test_a_forged_checkpoint_is_not_loaded(worker: Worker, store: Store, tmp_path: Path) -> None:
    """The job goes on without one, and the worker says why."""
    mark = tmp_path / "mark"
    job = submit(resumes, "mine", 1.5).wait(5)
    wait_until(lambda: store.client.get(store.keys.checkpoint(job.id)))
    store.client.set(store.keys.checkpoint(job.id), marking(mark), px=60_000)
    assert job.wait(10) == ""
    assert not mark.exists()
    assert f"Job {job.id} starts without its checkpoint: The record of job '{job.id}' was refused unread" in worker.log


def test_the_checkpoint_of_another_job_is_not_loaded(worker: Worker, store: Store) -> None:
    """Nor is a record of another kind: each was signed for its place."""
    jobs = [options(timeout=20).submit(resumes, text, 2.0).wait(5) for text in ("one", "two", "three")]
    places = [store.keys.checkpoint(job.id) for job in jobs]
    wait_until(lambda: all(map(store.client.get, places)))
    store.client.set(places[0], store.client.get(places[1]), px=60_000)
    store.client.set(places[2], store.client.get(store.keys.submission(jobs[2].id)), px=60_000)
    assert [job.wait(10) for job in jobs] == ["", "two", ""]
    assert f"it was signed for job '{jobs[1].id}', not for '{jobs[0].id}'" in worker.log
    assert "it was signed for kind 'job', not for 'checkpoint'" in worker.log
