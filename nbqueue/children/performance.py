"""The code of a run beside others in one process, from loading its call to the end it comes to."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from nbqueue.children import calls
from nbqueue.children.left_tasks import LeftTasks
from nbqueue.children.line import settle, settled
from nbqueue.children.visit import Visit


def perform(
    visit: Visit,
    start: Callable[[Visit], None],
    load: Callable[[Visit], Callable[[], Any]] = Visit.load,
    within: AbstractContextManager[object] | None = None,
) -> calls.Ended:
    """Run a function to its end, in the thread that calls.

    Args:
        visit: the run.
        start: called when the call is loaded, just before the function is.
        load: gives what is to be called.
        within: what surrounds the code; it is over before the result is looked at.
    """
    try:
        with within or nullcontext():
            call = load(visit)
            start(visit)
            value = call()
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
        ended = calls.returned(visit.header, value)
    except BaseException as error:  # noqa: BLE001 - SystemExit and a stop's exception are the end of their job only
        ended = visit.failed(error)
    settle(visit.context)
    return ended


async def sing(
    visit: Visit,
    start: Callable[[Visit], None],
    left_tasks: LeftTasks,
    end: Callable[[Visit, calls.Ended], None],
    load: Callable[[Visit], Callable[[], Any]] = Visit.load,
) -> None:
    """Run a coroutine function to its end, in the loop that runs this.

    Args:
        visit: the run.
        start: called when the call is loaded, just before the function is.
        left_tasks: knows the tasks that the code starts and leaves.
        end: called with the end, also where this is cancelled after the code has come to its own.
        load: gives what is to be called.
    """
    try:
        call = load(visit)
        start(visit)
        value = call()
        if inspect.isawaitable(value):
            value = await value
        ended = calls.returned(visit.header, value)
    except BaseException as error:  # noqa: BLE001 - a cancelled or exiting coroutine is the end of its job only
        ended = visit.failed(error)
    try:
        await left_tasks.tidy(visit.context)
        await settled(visit.context)
    finally:
        end(visit, ended)


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value
