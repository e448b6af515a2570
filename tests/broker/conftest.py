"""Fixtures of the wire's tests."""

import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from nbqueue.broker.connection import open_redis, parse_url
from tests.broker.store import Store
from tests.servers import Server


@pytest.fixture
def local_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Writes a module into a folder of the user's and imports it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names: list[str] = []

    def write(name: str, text: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        sys.modules.pop(name, None)
        names.append(name)
        return __import__(name)

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Store]:
    """The scripts on an empty server."""
    client = open_redis(parse_url(server.url))
    yield Store(client)
    await client.aclose()
