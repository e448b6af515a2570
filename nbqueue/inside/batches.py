"""What a job does that takes several items: one call after another, and its progress is how many are done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from nbqueue.inside.reporting import progress
from nbqueue.model.task import is_async

#: the arguments of one call
Item = tuple[Any, ...]


def of_items(fn: Callable[..., Any]) -> Callable[[Sequence[Item]], Any]:
    """The function that takes a batch and calls `fn`, sync or async, for each of its items."""
    return partial(await_each if is_async(fn) else call_each, fn)


def call_each(fn: Callable[..., Any], items: Sequence[Item]) -> list[Any]:
    """The results of a function for each item; the first error ends it, with a note that names the item."""
    results = []
    for number, item in enumerate(items):
        try:
            results.append(fn(*item))
        except Exception as error:  # noqa: BLE001 - of the user's function; it goes on
            _tell(error, number, len(items))
        progress(number + 1, len(items))
    return results


async def await_each(fn: Callable[..., Awaitable[Any]], items: Sequence[Item]) -> list[Any]:
    """The same for a coroutine function."""
    results = []
    for number, item in enumerate(items):
        try:
            results.append(await fn(*item))
        except Exception as error:  # noqa: BLE001 - as above
            _tell(error, number, len(items))
        progress(number + 1, len(items))
    return results


def _tell(error: Exception, number: int, count: int) -> NoReturn:
    error.add_note(f"It was item {number + 1} of {count} of its batch.")
    raise error
