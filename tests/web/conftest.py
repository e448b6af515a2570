"""What tests of the web server stand on: one that runs, with a worker that knows some functions."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.web.running import Web, running_web
from tests.workers import Worker, running_worker


@pytest.fixture(scope="module")
def base(shared_server: Server) -> Iterator[Settings]:
    """Settings of a server that all tests of a module share, emptied before the first."""
    with shared_server.client() as client, tempfile.TemporaryDirectory(prefix="nbq-web-", dir="/tmp") as folder:
        client.flushall()
        settings = Settings(url=shared_server.url, home=Path(folder))
        nbqueue.configure(settings)
        yield settings


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
