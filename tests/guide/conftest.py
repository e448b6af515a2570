"""The ground of the guide: a server, a worker, and the session of a person who uses both."""

from collections.abc import Iterator

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from tests.workers import Worker, running_worker


@pytest.fixture(autouse=True)
def worker(settings: Settings) -> Iterator[Worker]:
    """A worker that serves the queue "default"."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "2") as worker:
        yield worker
    shutdown()
