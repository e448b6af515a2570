"""One id from many clients, and a submit whose answer got lost: one job, and everybody has a handle to it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nbqueue import options
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.attacks.store import Store
from tests.faults import bodies
from tests.faults.stores import Relay
from tests.servers import Server
from tests.workers import ROOT, Ledger

pytestmark = pytest.mark.usefixtures("client", "unharmed")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def relayed(module_server: Server, module_settings: Settings, tmp_path: Path) -> Iterator[Relay]:
    """What the client of this process speaks through."""
    with Relay(tmp_path / "r", module_server.path) as relay:
        configure(replace(module_settings, url=f"unix://{relay.path}"))
        yield relay
        shutdown()


def test_twenty_submits_of_one_id_make_one_job(store: Store, module_settings: Settings) -> None:
    """Five processes, four threads each: one of twenty is told that it is new, and all get the value."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "NBQUEUE_URL": str(module_settings.url),
        "NBQUEUE_KEY_FILE": str(module_settings.signing_key_file),
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.inputs.twin", "one-of-twenty"]
    twins = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    for twin in twins:
        assert twin.stdin is not None
        twin.stdin.write("x")
        twin.stdin.flush()
    heard = [row for twin in twins for row in json.loads(twin.communicate(timeout=60)[0])]
    assert [twin.returncode for twin in twins] == [0] * 5
    assert len(heard) == 20
    assert {(job_id, value, state) for job_id, _, value, state in heard} == {("one-of-twenty", 3, "succeeded")}
    assert sorted(existed for _, existed, _, _ in heard) == [False] + [True] * 19
    assert store.history("one-of-twenty") == [(1, "succeeded")]


def test_an_id_that_is_known_gives_the_first_job(ledger: Ledger) -> None:
    """While it waits, runs, and after it has ended; what the second call would have run does not run."""
    submitter = options(job_id="known", delay=0.2)
    first = submitter.submit(bodies.quick, str(ledger.path), "first").wait(5)
    second = submitter.submit(bodies.quick, str(ledger.path), "second").wait(5)
    assert (first.existed, second.existed, second.state().wait(5)) == (False, True, State.SCHEDULED)
    assert (first.wait(10), second.wait(10)) == ("first", "first")
    third = submitter.submit(bodies.quick, str(ledger.path), "third").wait(5)
    assert (third.existed, third.wait(5)) == (True, "first")
    assert [line.name for line in ledger.lines()] == ["first"]


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_submit_whose_answer_was_lost_is_made_once(relayed: Relay, store: Store, ledger: Ledger, size: int) -> None:
    """The connection ends between the request and its answer: the client asks again, and the job runs once."""
    job_id = f"lost-answer-{size}"
    options(queue="nobody").submit(len, "abc").wait(5).cancel().wait(5)
    relayed.swallow_answer_to(b"EVALSHA")
    job = options(job_id=job_id).submit(bodies.quick, str(ledger.path), "x" * size).wait(10)
    assert len(job.wait(20)) == size
    assert len(ledger.lines()) == 1
    assert store.history(job_id) == [(1, "succeeded")]
