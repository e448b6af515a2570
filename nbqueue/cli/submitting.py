"""Submitting from the command line, through the same client as a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

import nbqueue
from nbqueue.cli.reach import shared_address
from nbqueue.client import hooks
from nbqueue.client.lacking import near_functions, reason
from nbqueue.client.session import configure
from nbqueue.client.without_server import is_away
from nbqueue.errors import BrokerUnavailable, LocalStackError
from nbqueue.local import stack
from nbqueue.model.advice import PATIENCE_S
from nbqueue.model.settings import Settings

T = TypeVar("T")


@contextmanager
def submitting(settings: Settings) -> Iterator[None]:
    """What is submitted within goes where the settings say; a local stack is started for it where none runs."""
    if settings.url is not None:
        shared_address(settings.url)
    configure(settings)
    started_by, served_by = hooks.local_stack, hooks.inline_worker
    # the local stack's own worker knows no registered functions, so only the server is started
    hooks.use_local_stack(lambda found, *, wakes: stack.ensure(found, worker=False, wakes=wakes))
    # a job within this process would end with the command
    hooks.use_inline_worker(None)
    try:
        yield
    except (BrokerUnavailable, LocalStackError) as error:
        if settings.fallback != "inline" or not is_away(error):
            raise
        raise type(error)(
            f"{error} NBQUEUE_FALLBACK=inline is for notebooks and scripts: a job in this process would end with the "
            "command."
        ) from None
    finally:
        hooks.use_local_stack(started_by)
        hooks.use_inline_worker(served_by)


def warned(job: nbqueue.Job[Any], name: str) -> None:
    """Say where nobody on this machine will run it, or where the workers of its queue know no function of its name.

    The local stack's own worker knows no registered functions.
    """
    if found := near_functions(job.session, job.id, name):
        click.echo(
            f'nbqueue: the workers there know no function "{name}": did you mean {" or ".join(found)}?', err=True
        )
    if job.session.settings.url is None and (sentence := reason(job.session, job.id, PATIENCE_S)):
        click.echo(f"nbqueue: {sentence} MODULE, where MODULE has the function", err=True)


def waited(wait: Callable[..., T], job: nbqueue.Job[Any], timeout_s: float | None = None) -> T:
    """What `wait` gives; where it does not come soon because nobody serves the job's queue, that is said meanwhile.

    Raises TimeoutError where it has not come after `timeout_s`.
    """
    if timeout_s is not None and timeout_s <= PATIENCE_S:
        return wait(timeout_s)
    try:
        return wait(PATIENCE_S)
    except TimeoutError:
        if sentence := reason(job.session, job.id, PATIENCE_S):
            click.echo(f"nbqueue: {sentence}", err=True)
    return wait() if timeout_s is None else wait(timeout_s - PATIENCE_S)
