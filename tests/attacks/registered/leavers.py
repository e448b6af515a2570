"""Registered coroutines that end, or empty, the engine they run in."""

import asyncio
import os

import nbqueue


@nbqueue.task("leave")
async def leave(code: int) -> None:
    """End the engine with an exit code of its own choice."""
    os._exit(code)


@nbqueue.task("exit")
async def exits(error: str) -> None:
    """End as a script does, or as one that is interrupted."""
    raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}[error]("done")


@nbqueue.task("unload")
async def unload(once: str) -> str:
    """Cancel what the engine does besides this, the first time this runs; its loop goes on turning."""
    try:
        os.mkdir(once)  # noqa: PTH102 - it takes one step
    except FileExistsError:
        return "ran again"
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__qualname__", "").startswith(("Duties.", "Engine.")):
            task.cancel()
    await asyncio.sleep(60)
    return "went on"


@nbqueue.task("pid")
async def pid() -> int:
    """The process id of the engine."""
    await asyncio.sleep(0)
    return os.getpid()
