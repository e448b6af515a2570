"""What tests of faults stand on: a ledger, a gate, and a session of the client that is closed in the end."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests import processes
from tests.faults.stores import Store
from tests.servers import Server, running_server
from tests.waiting import SLACK
from tests.workers import Worker, running_worker


class Measure(Protocol):
    """Compares a time with its bound, and leaves it in the report (--junitxml)."""

    def __call__(self, what: str, seconds: float, *, within_s: float) -> None:
        """Fail where `seconds` is more than `within_s` and the slack."""
        ...


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Holds a test to its bounds in time."""

    def compare(what: str, seconds: float, *, within_s: float) -> None:
        request.node.user_properties.append((what, f"{seconds:.2f} s of {within_s:g} s"))
        assert seconds <= within_s * SLACK, f"{what} took {seconds:.2f} s; {within_s * SLACK:g} s are allowed."

    return compare


@pytest.fixture(scope="module")
def module_home() -> Iterator[Path]:
    """A folder for what lives as long as a module's tests: keys, logs of workers."""
    root = Path(tempfile.mkdtemp(prefix="nbq-", dir="/tmp"))
    yield root / "nbq"
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def module_server() -> Iterator[Server]:
    """A server of the module's own, so that its workers are met by nobody else."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def module_settings(module_server: Server, module_home: Path) -> Settings:
    """Where the module's server and key are."""
    return Settings(url=module_server.url, home=module_home)


@pytest.fixture(scope="module")
def worker(module_settings: Settings) -> Iterator[Worker]:
    """A worker of the module's own, with room for one job of each kind; its engine outlives the tests."""
    with running_worker(module_settings, "--slots", "1", "--concurrency", "1") as worker:
        engine = worker.engine()
        yield worker
        assert worker.engines() == [engine]


@pytest.fixture(autouse=True)
def _no_process_left_behind(home: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """As everywhere, except that a module's own worker may replace its processes."""
    before = processes.children()
    yield
    own = [request.getfixturevalue(name) for name in ("worker",) if name in request.fixturenames]
    kept = {process for worker in own for process in worker.family() if isinstance(worker, Worker)}
    left = processes.left_behind(before | kept, home) - {each for worker in own for each in worker.family()}
    lines = sorted(processes.describe(process) for process in left)
    processes.kill(left)
    if lines:
        pytest.fail("The test left processes behind:\n" + "\n".join(lines))


@pytest.fixture
def connected() -> Iterator[Callable[[Settings], Settings]]:
    """Points the client of this process to a server."""
    yield configure
    shutdown()


@pytest.fixture
def store() -> Iterator[Store]:
    """A server with a journal, which a test may kill and start again on the same data."""
    folder = Path(tempfile.mkdtemp(prefix="nbq-store-", dir="/tmp"))
    store = Store(folder)
    try:
        store.start()
        yield store
    finally:
        store.kill()
        shutil.rmtree(folder, ignore_errors=True)
