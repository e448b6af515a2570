"""A command that speaks as a notebook does: through the client, to the server of its settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nbqueue.cli.reach import running_address
from nbqueue.client import hooks
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings


@contextmanager
def here(settings: Settings) -> Iterator[None]:
    """The client goes by these settings within the block; a local stack is not started."""
    address = running_address(settings)
    before = hooks.local_stack
    configure(settings)
    hooks.use_local_stack(lambda _, **__: address)
    try:
        yield
    finally:
        shutdown()
        hooks.use_local_stack(before)
