"""Functions that the workers of these tests know by name."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import nbqueue

sys.path.append(str(Path(__file__).with_name("site-packages")))
only_there: Any = __import__("only_there")


@nbqueue.task("greet")
def greet(name: str, *, times: int = 1) -> str:
    """A greeting, in a child."""
    return " ".join([f"hello {name}"] * times)


@nbqueue.task("greet_async")
async def greet_async(name: str) -> str:
    """A greeting, in the engine's loop."""
    nbqueue.log(f"greeting {name}")
    await asyncio.sleep(0)
    return f"hello {name}"


@nbqueue.task("engine_pid")
async def engine_pid() -> int:
    """The process id of the engine, in whose loop this runs."""
    return os.getpid()


@nbqueue.task("longest_gap")
async def longest_gap(seconds: float) -> float:
    """The longest time for which the engine's loop did not turn."""
    ends_at, longest = time.monotonic() + seconds, 0.0
    while (began := time.monotonic()) < ends_at:
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - began)
    return longest


@nbqueue.task("large_async")
async def large_async(size: int) -> bytes:
    """So many bytes, in the engine's loop."""
    return b"x" * size


@nbqueue.task("fail_there")
def fail_there() -> None:
    """Raise what the client cannot rebuild."""
    raise only_there.OnlyThere("only there")


@nbqueue.task("value_there")
def value_there() -> object:
    """A value that the client cannot rebuild."""
    return only_there.OnlyThere("a value")
