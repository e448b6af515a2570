"""Two real Pythons of different minor versions on one queue: a job goes where it can be read, or says why not."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from nbqueue import JobFailed, configure, submit
from nbqueue.broker.keys import Keys
from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from tests import pythons
from tests.attacks.conftest import TASKS
from tests.attacks.store import ENDED_S, Marks, Store
from tests.faults import bodies
from tests.pythons import OtherPython
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Ledger, Worker, running_worker

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
#: set by `make versions`: without a second Python the tests fail instead of being left out
REQUIRED = "REQUIRE_SECOND_PYTHON"


@pytest.fixture(scope="session")
def other(request: pytest.FixtureRequest) -> OtherPython:
    """A Python of another minor version, with what a worker needs."""
    found = pythons.another(request.config.cache.mkdir("other-python"))
    if found is None:
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(pythons.none_found())
    return found


@pytest.fixture
def client(settings: Settings) -> Iterator[Settings]:
    """The client of this process and this Python."""
    yield configure(settings)
    shutdown()


@pytest.fixture
def others_worker(other: OtherPython, client: Settings) -> Iterator[Worker]:
    """A worker of the other Python."""
    with running_worker(client, "greetings", "--slots", "2", modules=[TASKS], python=other.path) as worker:
        yield worker


@pytest.fixture
def our_worker(client: Settings) -> Callable[[], AbstractContextManager[Worker]]:
    """Starts a worker of this Python, with room for one process."""
    return lambda: running_worker(client, "--slots", "1")


@pytest.fixture
def store(server: Server, client: Settings) -> Iterator[Store]:
    """The server, past the client."""
    del client
    with server.client() as raw:
        yield Store(raw, Keys())


def version(*_: object) -> str:
    """The Python it runs on, whatever it is called with."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


async def version_async(*_: object) -> str:
    """The same in a loop."""
    return version()


@pytest.mark.parametrize("fn", [version, version_async])
def test_a_job_for_another_python_fails_with_both_versions(
    others_worker: Worker, store: Store, other: OtherPython, tmp_path: Path, fn: Callable[..., str]
) -> None:
    """Where no worker fits it has ended within 2 s, and nothing of it was unpickled."""
    mark = tmp_path / "mark"
    job = submit(fn, Marks(mark)).wait(5)
    end = store.end_of(job.id, ENDED_S)
    with pytest.raises(JobFailed, match=rf"written by Python {OURS} .* here is Python {other.version} ") as caught:
        job.wait(5)
    assert (end["state"], caught.value.error_type) == ("failed", "WrongPython")
    assert not mark.exists()
    assert f"Job '{job.id}' cannot run: This was written by Python {OURS}" in others_worker.log


@pytest.mark.usefixtures("others_worker")
def test_a_worker_that_fits_takes_it(our_worker: Callable[[], AbstractContextManager[Worker]], store: Store) -> None:
    """Beside one that does not: all jobs run on their own Python, at their first attempt."""
    with our_worker():
        jobs = [submit(fn).wait(5) for fn in (version, version_async) * 8]
        assert {job.wait(30) for job in jobs} == {OURS}
        assert {tuple(store.history(job.id)) for job in jobs} == {((1, "succeeded"),)}


@pytest.mark.usefixtures("others_worker")
def test_a_job_waits_while_the_worker_that_fits_is_busy(
    our_worker: Callable[[], AbstractContextManager[Worker]], store: Store, tmp_path: Path
) -> None:
    """It is taken and put back by the other as often as need be, uncharged, until its own has room."""
    ledger, gate = Ledger(tmp_path / "ledger"), tmp_path / "gate"
    with our_worker():
        busy = submit(bodies.until_told, str(ledger.path), "busy", str(gate)).wait(5)
        ledger.wait("begin")
        waiting = submit(version).wait(5)
        wait_until(lambda: int(store.record(waiting.id).get("fence", 0)) >= 2, 10)
        assert store.record(waiting.id)["state"] in {"scheduled", "queued", "running"}
        gate.touch()
        assert (busy.wait(10), waiting.wait(10)) == ("busy", OURS)
        assert store.history(waiting.id) == [(1, "succeeded")]


def test_plain_json_runs_on_any_python(others_worker: Worker, store: Store, other: OtherPython) -> None:
    """A call by hand of a registered function has no version, and a value of the other Python is read here."""
    store.put("by-hand", json.dumps({"function": "greet", "args": ["world"]}).encode())
    assert store.end_of("by-hand", 10)["state"] == "succeeded"
    engine = store.client.hgetall(store.keys.engine(others_worker.engine_ids()[0]))
    assert engine[b"python"] == other.version.encode()
