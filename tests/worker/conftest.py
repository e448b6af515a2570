"""What tests of stock jobs stand on."""

from collections.abc import AsyncIterator

import pytest
from arq import ArqRedis

from tests.servers import Server
from tests.worker.stocks import pool_at


@pytest.fixture
async def pool(server: Server) -> AsyncIterator[ArqRedis]:
    """A stock client."""
    async with pool_at(server.path) as pool:
        yield pool
