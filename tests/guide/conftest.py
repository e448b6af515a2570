"""The ground of the guide: each test runs with a server and a worker, and without either, in this process.

A test that can only pass with processes says which difference of docs/reference.md is its reason, and is made for the
server alone: `@pytest.mark.needs_processes("stopping")`.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from nbqueue.testing import inline_session
from tests.pages import differences_inline
from tests.servers import Server
from tests.workers import Worker, running_worker

#: whether client and worker have no more rights at the server than they need (`make servers`)
LEAST_RIGHTS = bool(os.environ.get("TEST_LEAST_RIGHTS"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make each test once for each ground that it can stand on."""
    mark = metafunc.definition.get_closest_marker("needs_processes")
    if mark is not None and mark.args[0] not in differences_inline():
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: docs/reference.md lists no difference {mark.args[0]!r}")
    metafunc.parametrize("ground", ["server"] if mark else ["server", "inline"], indirect=True)


@pytest.fixture(autouse=True, scope="session")
def _server_first(shared_server: Server) -> None:
    """The server of the whole run is there before a test begins, which would else seem to leave it behind."""


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> str:
    """What the test stands on: "server" or "inline"."""
    return str(request.param)


@pytest.fixture
def settings(ground: str, home: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Where the test's jobs go."""
    if ground == "inline":
        with inline_session(slots=2) as settings:
            yield settings
    else:
        server: Server = request.getfixturevalue("server")
        yield Settings(url=server.url_of("client") if LEAST_RIGHTS else server.url, home=home)


@pytest.fixture(autouse=True)
def worker(ground: str, settings: Settings, request: pytest.FixtureRequest) -> Iterator[Worker | None]:
    """A worker that serves the queue "default"; without a server the session has one in itself."""
    nbqueue.configure(settings)
    if ground == "inline":
        yield None
    else:
        server: Server = request.getfixturevalue("server")
        own = replace(settings, url=server.url_of("worker")) if LEAST_RIGHTS else settings
        with running_worker(own, "--slots", "2") as worker:
            yield worker
    shutdown()
