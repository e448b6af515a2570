"""Registered functions that keep a checkpoint, one of each kind, beside those of `greetings`."""

from pathlib import PurePosixPath
from typing import Any

import nbqueue

greetings: Any = __import__("greetings")


@nbqueue.task("keep")
def keep(again_in_s: float, *, rich: bool = False) -> object:
    """Keep plain data, or more than that, and ask for another attempt; the second gives what it finds."""
    found: object = nbqueue.last_checkpoint()
    if found is None:
        nbqueue.checkpoint(PurePosixPath("kept") if rich else {"kept": 1})
        raise nbqueue.RetryLater(again_in_s)
    return found


@nbqueue.task("keep_async")
async def keep_async(again_in_s: float, *, rich: bool = False) -> object:
    """The same in the engine's loop."""
    return keep(again_in_s, rich=rich)


@nbqueue.task("take")
def take(job_id: str) -> object:
    """The result of another job."""
    return nbqueue.attach(job_id).wait().wait()


@nbqueue.task("take_async")
async def take_async(job_id: str) -> object:
    """The same in the engine's loop."""
    return await (await nbqueue.attach(job_id))


@nbqueue.task("split")
def split(names: list[str]) -> list[str]:
    """Submit registered functions from one of them."""
    return nbqueue.submit_map("greet_async", names).wait().wait()
