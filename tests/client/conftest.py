"""What the tests of the client stand on: a session for the test's own server, and an engine."""

from collections.abc import Iterator

import pytest

from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.client.engine_stub import Engine, engine


@pytest.fixture(autouse=True)
def configured(settings: Settings) -> Iterator[Settings]:
    """The session of this test."""
    yield configure(settings)
    shutdown()


@pytest.fixture
def running_engine(configured: Settings) -> Iterator[Engine]:
    """An engine that runs jobs."""
    with engine(configured) as found:
        yield found
