"""Calling a user's function, sync or async, beside others and with a time limit."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable
from typing import Any

from nbqueue.model.task import is_async


async def called(fn: Callable[..., Any], *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
    """What a function gives. A sync one runs in a thread of its own, which a time limit leaves behind, not stops.

    Raises:
        TimeoutError: it took longer than `timeout_s`.
    """
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            found = fn(*args, **kwargs) if is_async(fn) else await _in_thread(fn, *args, **kwargs)
            return await found if inspect.isawaitable(found) else found
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"It took longer than {timeout_s:g} s.") from None
        raise


def _in_thread(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
    """A thread for each call: those of a pool would be waited for where one never ends."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def call() -> None:
        try:
            value, error = context.run(fn, *args, **kwargs), None
        except BaseException as raised:  # noqa: BLE001 - it is raised again where it is waited for
            value, error = None, raised
        try:
            loop.call_soon_threadsafe(_settle, answer, value, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    threading.Thread(target=call, name="nbqueue-item", daemon=True).start()
    return answer


def _settle(answer: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if isinstance(error, StopIteration):  # no future takes one
        error = RuntimeError(f"It raised StopIteration{error.args}.")
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)
