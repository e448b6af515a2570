"""Work of this process that takes long and is neither a job nor an answer of the server: under way as a Pending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from nbqueue.client import hooks, own_frames
from nbqueue.client.pending import Pending

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Work(Pending[T_co]):
    """Work of this process under way: awaited as any verb is, and ended as a whole."""

    __slots__ = ("_cancel",)
    _hint = "await it, or call .wait(), for its answer; .cancel() ends it"

    def __init__(self, future: Future[T_co], *, what: str, cancel: Callable[[], object]) -> None:
        super().__init__(future, what=what, for_jobs=True)
        self._cancel = cancel

    def cancel(self) -> None:
        """End it now: its jobs are cancelled. Who waits for it has what there is then, or JobCancelled."""
        self._cancel()


def begin(act: Callable[[], T], what: str, *, cancel: Callable[[], object]) -> Work[T]:
    """What `act()` gives, called in a thread of its own, which the end of the process does not wait for.

    Args:
        act: what takes long; in a job it may submit and wait as the job's own code does.
        what: names it, at the beginning of a sentence.
        cancel: has it end before it is through; called in any thread, and does not wait for that.
    """
    hooks.line()  # loads what tells whether this is a job: two threads that load it at once get in each other's way
    future: Future[T] = Future()
    context = copy_context()
    threading.Thread(target=context.run, args=(_work, act, future), name="nbqueue-work", daemon=True).start()
    return Work(future, what=what, cancel=cancel)


def _work(act: Callable[[], Any], future: Future[Any]) -> None:
    try:
        found = act()
    except BaseException as error:  # noqa: BLE001 - whoever waits has it
        own_frames.cut(error)
        future.set_exception(error)
    else:
        future.set_result(found)
