"""What tests of evaluations stand on: a server and a worker for a module, and a service that counts its calls."""

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests import processes
from tests.evaluators.service import Service
from tests.servers import Server, running_server
from tests.workers import Ledger, Worker, running_worker


@pytest.fixture(scope="module")
def module_settings() -> Iterator[Settings]:
    """Where the module's own server and key are."""
    root = Path(tempfile.mkdtemp(prefix="nbq-", dir="/tmp"))
    with running_server() as server:
        assert isinstance(server, Server)
        yield Settings(url=server.url, home=root / "nbq")
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def worker(module_settings: Settings) -> Iterator[Worker]:
    """A worker for all tests of a module."""
    with running_worker(module_settings, "--slots", "2") as worker:
        yield worker


@pytest.fixture
def connected(module_settings: Settings, worker: Worker) -> Iterator[None]:
    """Points the client of this process to the module's server."""
    del worker
    configure(module_settings)
    yield
    shutdown()


@pytest.fixture(autouse=True)
def _no_process_left_behind(home: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """As everywhere, except that the module's worker may replace its processes."""
    worker: Worker | None = request.getfixturevalue("worker") if "worker" in request.fixturenames else None
    before = processes.children()
    yield
    own = set(worker.family()) if worker is not None else set()
    left = processes.left_behind(before | own, home) - (set(worker.family()) if worker is not None else set())
    lines = sorted(processes.describe(process) for process in left)
    processes.kill(left)
    if lines:
        pytest.fail("The test left processes behind:\n" + "\n".join(lines))


@pytest.fixture
def service() -> Iterator[Service]:
    """A service on this machine that counts what it is asked."""
    with Service() as service:
        yield service


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """What each fit of `Noted` writes down."""
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def guesses(ledger: Ledger, tmp_path: Path) -> Callable[..., Any]:
    """Makes a search of nine fits, three of which may go wrong."""
    from sklearn.model_selection import GridSearchCV  # only those wait for it who search

    from tests.evaluators.estimators import Noted

    def make(wrong: str = "", error_score: Any = math.nan, *, gate: bool = False, **given: Any) -> Any:
        estimator = Noted(str(ledger.path), gate=str(tmp_path / "gate") if gate else "", wrong=wrong)
        return GridSearchCV(estimator, {"guess": [0, 1, 2]}, cv=3, error_score=error_score, **given)

    return make
