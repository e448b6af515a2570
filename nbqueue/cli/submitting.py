"""Submitting from the command line, through the same client as a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nbqueue
from nbqueue.cli.reach import shared_address
from nbqueue.client import hooks
from nbqueue.client.session import configure
from nbqueue.local import stack
from nbqueue.model.settings import Settings


def submitted(
    settings: Settings, name: str, args: list[Any], kwargs: dict[str, Any], options: dict[str, Any]
) -> nbqueue.Job[Any]:
    """The job of a registered function, once the server has accepted it."""
    if settings.url is not None:
        shared_address(settings.url)
    configure(settings)
    # the local stack's own worker knows no registered functions, so only the server is started
    hooks.use_local_stack(lambda found: stack.ensure(found, worker=False))
    with _only_elsewhere():
        return nbqueue.options(**options).submit(name, *args, **kwargs).wait()


@contextmanager
def _only_elsewhere() -> Iterator[None]:
    """A job within this process would end with the command."""
    before = hooks.inline_worker
    hooks.use_inline_worker(None)
    try:
        yield
    finally:
        hooks.use_inline_worker(before)
