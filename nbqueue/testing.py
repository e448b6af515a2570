"""For the tests of those who use nbqueue: a session without a server, and a worker within the test's own process.

pytest_plugins = ["nbqueue.testing"]      # in conftest.py: brings the fixture `inline_queue`

async def test_solve(inline_queue):
assert await nbqueue.run(solve, 3) == 6
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nbqueue import inline
from nbqueue.broker.connection import parse_url
from nbqueue.broker.named_key import key_path
from nbqueue.broker.signing import Keyring
from nbqueue.client.session import Session, exchange, session
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings, load_settings

__all__ = ["in_process_worker", "inline_queue", "inline_session"]


@contextmanager
def inline_session(**given: Any) -> Iterator[Settings]:
    """Within the block jobs run in this process, with a store and a key of the block's own; gone after it.

    Args:
        given: fields of `Settings`, for example `slots=1`; not `url`, `home` and `key_file`.
    """
    name = f"testing-{secrets.token_hex(6)}"
    with tempfile.TemporaryDirectory(prefix="nbqueue-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(**given, url=f"inline:{name}", home=Path(folder), key_file=Path(folder, "signing.key"))
        before = exchange(Session(settings))
        try:
            yield settings
        finally:
            exchange(before)
            inline.drop(name)


@pytest.fixture
def inline_queue() -> Iterator[Settings]:
    """A session without a server, for one test."""
    with inline_session() as settings:
        yield settings


@contextmanager
def in_process_worker(
    settings: Settings | None = None, *, queues: Sequence[str] = (), slots: int | None = None
) -> Iterator[None]:
    """Within the block a worker of a real server runs in this process: breakpoints, mocks and coverage reach its jobs.

    Args:
        settings: where the server is and with which key jobs are signed; those in force if not given.
        queues: which queues it serves; those of the settings if not given.
        slots: how many functions run at once in threads; one a core if not given.
    """
    chosen = settings or session().settings
    if chosen.url is None:
        raise ConfigurationError("in_process_worker needs a server: give settings with a url, or set NBQUEUE_URL.")
    config = inline.config_of(parse_url(chosen.url), chosen, *queues, slots=slots)
    serving = inline.Serving(config, Keyring.load(key_path(chosen)))
    try:
        yield
    finally:
        serving.end()
