"""What tests of the web server stand on: one that runs, with a worker that knows some functions."""

from collections.abc import Iterator

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.faults.conftest import (  # noqa: F401 - fixtures
    _no_process_left_behind,
    module_home,
    module_server,
    module_settings,
)
from tests.web.running import Web, running_web
from tests.workers import Worker, running_worker


@pytest.fixture(scope="module")
def base(module_settings: Settings) -> Settings:  # noqa: F811
    """Settings of a server that the tests of a module share; the session of this process goes by them too."""
    nbqueue.configure(module_settings)
    return module_settings


@pytest.fixture(scope="module")
def web(base: Settings) -> Iterator[Web]:
    """A web server that runs."""
    with running_web(base) as web:
        yield web


@pytest.fixture(scope="module")
def worker(base: Settings) -> Iterator[Worker]:
    """A worker that knows the functions of `tests/web/works.py`."""
    with running_worker(base, "--slots", "2", "tests.web.works") as worker:
        yield worker
