"""The ground of tests of other people's interfaces: one server and one worker with a warm pool for a module."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.faults.conftest import (  # noqa: F401 - fixtures
    _no_process_left_behind,
    module_home,
    module_server,
    module_settings,
)
from tests.interop import works
from tests.interop.executors import KINDS, Make
from tests.workers import Ledger, Worker, running_worker


@pytest.fixture(scope="module")
def worker(module_settings: Settings) -> Iterator[Worker]:  # noqa: F811
    """A worker with two slots."""
    with running_worker(module_settings, "--slots", "2") as worker:
        yield worker


@pytest.fixture(autouse=True)
def _client(worker: Worker, module_settings: Settings) -> Iterator[None]:  # noqa: F811
    del worker
    configure(module_settings)
    yield
    shutdown()


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Which executor it is."""
    return str(request.param)


@pytest.fixture
def make(kind: str) -> Make:
    """Makes an executor."""
    return KINDS[kind]


@pytest.fixture
def executor(make: Make) -> Iterator[Executor]:
    """An executor with two workers."""
    with make(max_workers=2) as executor:
        yield executor


@pytest.fixture
def held(
    make: Make,
    ledger: Ledger,
    gate: Path,
) -> Iterator[tuple[Executor, Future[str], Future[str]]]:
    """An executor with one worker, a call that runs until the gate is there, and one that waits behind it.

    A pool of processes takes calls ahead of time: the one that waits is the third behind it.
    """
    with make(max_workers=1) as executor:
        running = executor.submit(works.hold, str(ledger.path), "first", str(gate))
        ledger.wait("begin", "first")
        behind = [executor.submit(works.note, str(ledger.path), f"{number}") for number in range(3)]
        try:
            yield executor, running, behind[-1]
        finally:
            gate.touch()
