"""The ground of the suite: for each family of adapters a process of its own, which all tests of a module share."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from tests import processes
from tests.servers import running_server
from tests.solvers.adapters import Adapter
from tests.solvers.apart import Apart, process_apart
from tests.workers import Worker, running_worker


@pytest.fixture(scope="module")
def families() -> Iterator[dict[str, Apart]]:
    """A process for each library, started with the first test that needs it."""
    with ExitStack() as stack:
        yield _Families(stack)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A server and a worker with room for two solvers."""
    with running_server() as server:
        settings = Settings(url=server.url, home=tmp_path_factory.mktemp("home"))
        with running_worker(settings, "--slots", "2") as worker:
            yield worker


@pytest.fixture
def client_of_served(home: Path, served: Worker) -> Iterator[None]:
    """This process submits to them, and its tests leave no process but what the worker replaces of its own."""
    before = processes.children()
    nbqueue.configure(served.settings)
    yield
    shutdown()
    left = processes.left_behind(before | set(served.family()), home) - set(served.family())
    processes.kill(left)
    assert left == set()


class _Families(dict[str, Apart]):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, family: str) -> Apart:
        self[family] = self._stack.enter_context(process_apart())
        return self[family]


@pytest.fixture(scope="module")
def apart(adapter: Adapter, families: dict[str, Apart]) -> Apart:
    """The process that the adapter's library is loaded in; it is there before the test, which leaves none behind."""
    return families[adapter.family]


@pytest.fixture(scope="module")
def bare(families: dict[str, Apart]) -> Apart:
    """A process without any solver."""
    return families["bare"]
