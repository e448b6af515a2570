"""What tests of workers stand on: a stock client, a client of ours, and files that jobs write and wait for."""

from collections.abc import AsyncIterator, Iterator

import pytest
from arq import ArqRedis

from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.worker.stocks import pool_at


@pytest.fixture
async def pool(server: Server) -> AsyncIterator[ArqRedis]:
    """A stock client."""
    async with pool_at(server.path) as pool:
        yield pool


@pytest.fixture
def session(settings: Settings) -> Iterator[Settings]:
    """The client of this process; it is closed in the end."""
    yield configure(settings)
    shutdown()
