"""Functions that the workers of these tests know by name."""

import asyncio
import os

import nbqueue


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


@nbqueue.task("large_async")
async def large_async(size: int) -> bytes:
    """So many bytes, in the engine's loop."""
    return b"x" * size
