"""What tests of attacks stand on: a server and a worker for each module, a connected client, marks of code that ran."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nbqueue.broker.key_file import new_key_line
from nbqueue.broker.keys import Keys
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.attacks.rotations import key_file
from tests.attacks.store import Store
from tests.faults.conftest import _no_process_left_behind, module_home, module_server, module_settings
from tests.servers import Server
from tests.workers import Worker, running_worker

__all__ = ["_no_process_left_behind", "module_home", "module_server", "module_settings"]

#: functions that the workers of these tests have registered
TASKS = Path(__file__).parents[1] / "attacks" / "registered"


@pytest.fixture(scope="module")
def trap(module_home: Path) -> Path:
    """A file that is there once any process of the worker has imported the module `trap`."""
    return module_home / "trap"


@pytest.fixture(scope="module")
def worker(module_settings: Settings, trap: Path) -> Iterator[Worker]:
    """One worker for all tests of a module: what one of them does to it, the next ones would see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAP", str(trap))
        with running_worker(module_settings, "greetings", "--slots", "2", modules=[TASKS]) as worker:
            yield worker


@pytest.fixture
def client(module_settings: Settings) -> Iterator[Settings]:
    """The client of this process, pointed to the module's server."""
    yield configure(module_settings)
    shutdown()


@pytest.fixture
def store(module_server: Server) -> Iterator[Store]:
    """The module's server as somebody sees it who can run any command there, and holds no key."""
    with module_server.client() as client:
        yield Store(client, Keys())


@pytest.fixture
def unharmed(worker: Worker) -> Iterator[Callable[[], bool]]:
    """Fails a test that costs the worker one of its engines."""
    before = worker.engine_ids()
    yield lambda: worker.engine_ids() == before
    assert worker.engine_ids() == before, worker.log[-3000:]


@pytest.fixture
def near(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A client with a key file of its own, of which `far` has a copy."""
    line = new_key_line()
    key_file(tmp_path, "far", line)
    yield configure(replace(settings, key_file=key_file(tmp_path, "near", line)))
    shutdown()


@pytest.fixture
def far(near: Settings, tmp_path: Path) -> Settings:
    """Settings with the copy."""
    return replace(near, key_file=tmp_path / "far")
