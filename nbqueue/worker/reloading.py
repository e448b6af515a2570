"""Engines that start anew when the code changes, once the new code has shown that it can be imported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from nbqueue.worker import importing
from nbqueue.worker.sources import Sources

logger = logging.getLogger("nbqueue.worker")

#: how often files are looked at
LOOK_S = 0.5


class Reloading:
    """Looks at the .py files below the current folder.

    Args:
        modules: what the engines import.
        renew: lets them start anew.
    """

    def __init__(self, modules: Sequence[str], renew: Callable[[], None]) -> None:
        self._modules, self._renew = modules, renew
        self._sound, self._changed = asyncio.Event(), asyncio.Event()

    async def watch(self) -> None:
        """Try the code at first and after each change, until cancelled."""
        sources = await asyncio.to_thread(Sources, [Path.cwd()])
        if not self._sound.is_set():
            await self._begin()
        while True:
            await asyncio.sleep(LOOK_S)
            if changed := await asyncio.to_thread(sources.changed):
                await self._take_up(changed)

    async def sound(self) -> None:
        """Wait until the code could be imported once."""
        await self._sound.wait()

    async def changed(self) -> None:
        """Wait for a change after which the code can be imported."""
        await self._changed.wait()

    async def _begin(self) -> None:
        if fault := await importing.tried(self._modules):
            logger.error("%s. Waiting for a change of the code.", fault)
        else:
            self._sound.set()

    async def _take_up(self, files: Sequence[str]) -> None:
        fault = await importing.tried(self._modules)
        which = files[0] + (f" and {len(files) - 1} more" if len(files) > 1 else "")
        if fault:
            what = "the code from before serves on" if self._sound.is_set() else "waiting for the next change"
            logger.error("%s changed. %s; %s.", which, fault.rstrip("."), what)
            return
        logger.info("%s changed: the engines start anew.", which)
        self._sound.set()
        self._changed.set()
        self._changed = asyncio.Event()
        self._renew()
