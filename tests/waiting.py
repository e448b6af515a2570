"""Waiting for what a test expects to happen, instead of sleeping and hoping."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

PAUSE_S = 0.01
#: how many times as long as they say tests wait, and what is promised may take: others use the machine too
SLACK = float(os.environ.get("TEST_SLACK", "4"))


def wait_until(predicate: Callable[[], T], timeout_s: float = 5.0) -> T:
    """The first true answer of `predicate`, asked every 10 ms; fails the test after `timeout_s` and the slack."""
    end = time.monotonic() + timeout_s * SLACK
    while not (answer := predicate()):
        if time.monotonic() > end:
            raise AssertionError(_late(predicate, timeout_s, answer))
        time.sleep(PAUSE_S)
    return answer


@overload
async def until(predicate: Callable[[], Awaitable[T]], timeout_s: float = 5.0) -> T: ...
@overload
async def until(predicate: Callable[[], T], timeout_s: float = 5.0) -> T: ...
async def until(predicate: Callable[[], Any], timeout_s: float = 5.0) -> Any:
    """The same for async tests: the loop goes on meanwhile, and `predicate` may be a coroutine function."""
    end = time.monotonic() + timeout_s * SLACK
    while True:
        given = predicate()
        answer = await given if isinstance(given, Awaitable) else given
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(_late(predicate, timeout_s, answer))
        await asyncio.sleep(PAUSE_S)


def _late(predicate: Callable[[], object], timeout_s: float, answer: object) -> str:
    code = getattr(predicate, "__code__", None)
    place = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    return f"Waited {timeout_s * SLACK:g} s for {predicate!r}{place}; its last answer was {answer!r}."
