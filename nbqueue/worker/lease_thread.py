"""Keeping an engine's lease from a thread: code that blocks the engine's loop does not cost it its jobs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from nbqueue.broker.keys import Keys
from nbqueue.worker.leases import Leases

#: seconds to wait for the thread's end
JOIN_S = 2.0


class LeaseThread:
    """Renews the lease of one engine while its loop turns, and for a while after it stopped turning."""

    def __init__(self, open_client: Callable[[], Any], keys: Keys, engine_id: str, *, patience_s: float) -> None:
        """Args: a factory of clients for the thread; how long a loop that does not turn keeps its lease."""
        self._open_client, self._keys, self._engine_id = open_client, keys, engine_id
        self._patience_s = patience_s
        self._engine_loop = asyncio.get_running_loop()
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="nbqueue-lease", daemon=True)
        self._ready = threading.Event()
        self._stop: Callable[[], object] = _nothing

    def start(self) -> None:
        """Begin renewing."""
        self._thread.start()

    async def stop(self) -> None:
        """Renew no longer; returns when the thread has ended."""
        await asyncio.to_thread(self._ready.wait, JOIN_S)
        self._stop()
        await asyncio.to_thread(self._thread.join, JOIN_S)

    def _run(self) -> None:
        asyncio.run(self._keep())

    async def _keep(self) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        self._ready.set()
        client = self._open_client()
        keeping = asyncio.create_task(Leases(client, self._keys, self._alive).keep())
        await asyncio.wait((keeping, asyncio.create_task(stopping.wait())), return_when=asyncio.FIRST_COMPLETED)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await client.aclose()

    def _alive(self) -> list[str]:
        """The engine, unless its loop is closed or has stood still for too long."""
        try:
            self._engine_loop.call_soon_threadsafe(self._turned)
        except RuntimeError:
            return []
        return [self._engine_id] if time.monotonic() - self._turned_at < self._patience_s else []

    def _turned(self) -> None:
        self._turned_at = time.monotonic()


def _nothing() -> None:
    """Stands for the stop of a thread that has not come up."""
