"""What workers say of their functions."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nbqueue.broker import terms
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.model.task import Task
from tests.servers import Server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Any]:
    """A connection to it."""
    found = open_redis(parse_url(server.url))
    yield found
    await found.aclose()


async def _in_loop() -> None:
    """A function without terms."""


def _in_process() -> None:
    """One that needs a process."""


def _tasks(fn: Any) -> dict[str, Task[Any, Any]]:
    return {"f": Task(fn, name="f", options={})}


async def test_of_several_workers_the_last_ones_are_kept(client: Any) -> None:
    """Also where the last says that there are none any more."""
    await terms.announce(client, Keys(), _tasks(_in_process))
    assert json.loads(await client.hget(Keys().terms, "f")) == {"lane": "process"}
    assert await client.pttl(Keys().terms) > 0
    await terms.announce(client, Keys(), _tasks(_in_loop))
    assert await client.hget(Keys().terms, "f") is None


async def test_what_has_no_terms_is_one_command(client: Any) -> None:
    """It is said every few seconds by each engine; without functions nothing is."""
    await client.config_resetstat()
    await terms.announce(client, Keys(), _tasks(_in_loop))
    await terms.announce(client, Keys(), {})
    asked: Any = await client.info("commandstats")
    assert ("cmdstat_multi" in asked, asked["cmdstat_hdel"]["calls"]) == (False, 1)
