"""An engine that runs an arq settings class: its supervisor keeps the lease, and replaces it when it is stuck."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any

from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.link import BEAT_S, Link
from nbqueue.worker.stock import Worker
from nbqueue.worker.stock_settings import load

logger = logging.getLogger("nbqueue.worker")


class StockProcess:
    """Runs the class's worker and follows its supervisor's words."""

    def __init__(self, config: WorkerConfig, engine_id: str, supervisor: int, link: Link) -> None:
        self._link = link
        burst = {"burst": True} if config.burst else {}
        self._worker = load(config.stock, engine_id=engine_id, supervisor=supervisor, handle_signals=False, **burst)

    async def run(self, words: Any) -> int:
        """Serve; the exit code."""
        beating = asyncio.create_task(self._beat())
        following = asyncio.create_task(self._follow(words, self._worker))
        serving = asyncio.create_task(self._worker.async_run())
        try:
            await asyncio.wait((serving,))
            await self._worker.close()
        finally:
            beating.cancel()
            following.cancel()
        if not serving.cancelled() and (error := serving.exception()) is not None:
            logger.critical("The engine failed and is replaced.", exc_info=error)
            return 1
        return 0

    async def _follow(self, words: Any, worker: Worker) -> None:
        async for word in words:
            if word["word"] == "drain" and worker.completion_wait_s:
                worker.handle_sig_wait_for_completion(signal.SIGTERM)
            elif word["word"] in {"drain", "stop", "kill"}:
                worker.handle_sig(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGKILL)

    async def _beat(self) -> None:
        while True:
            self._link.say("beat")
            await asyncio.sleep(BEAT_S)
