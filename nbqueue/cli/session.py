"""A command that speaks as a notebook does: through the client, to the server of its settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nbqueue.cli.reach import running_address
from nbqueue.client import hooks
from nbqueue.client.portal import shutdown
from nbqueue.client.session import Session, configure, exchange
from nbqueue.model.settings import Settings


@contextmanager
def here(settings: Settings, *, only_looks: bool = False) -> Iterator[None]:
    """The client goes by these settings within the block. No local stack is started.

    Args:
        settings: of the server.
        only_looks: make no signing key where there is none.
    """
    address = running_address(settings)
    before = hooks.local_stack
    configure(settings)
    if only_looks:
        exchange(Session(settings, only_looks=True))
    hooks.use_local_stack(lambda _, **__: address)
    try:
        yield
    finally:
        shutdown()
        hooks.use_local_stack(before)
