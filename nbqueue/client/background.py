"""Work of this process that takes long and is neither a job nor an answer of the server: under way as a Pending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from nbqueue.client import hooks
from nbqueue.client.pending import Pending

T = TypeVar("T")


def begin(act: Callable[[], T], what: str) -> Pending[T]:
    """What `act()` gives, called in a thread of its own, which the end of the process does not wait for.

    Args:
        act: what takes long; in a job it may submit and wait as the job's own code does.
        what: names it, at the beginning of a sentence.
    """
    hooks.line()  # loads what tells whether this is a job: two threads that load it at once get in each other's way
    future: Future[T] = Future()
    context = copy_context()
    threading.Thread(target=context.run, args=(_work, act, future), name="nbqueue-work", daemon=True).start()
    return Pending(future, what=what, for_jobs=True)


def _work(act: Callable[[], Any], future: Future[Any]) -> None:
    try:
        found = act()
    except BaseException as error:  # noqa: BLE001 - whoever waits has it
        future.set_exception(error)
    else:
        future.set_result(found)
