"""The ground of tests of other people's interfaces: one server and one worker with a warm pool for a module."""

from collections.abc import Iterator

import pytest

from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.faults.conftest import (  # noqa: F401 - fixtures
    _no_process_left_behind,
    gate,
    ledger,
    module_home,
    module_server,
    module_settings,
)
from tests.workers import Worker, running_worker


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
