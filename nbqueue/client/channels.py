"""What running jobs publish: one connection of this process listens for all jobs that are shown live."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from nbqueue.broker import events
from nbqueue.broker.scripts import TROUBLE
from nbqueue.client.patience import Backoff
from nbqueue.client.wire import Wire
from nbqueue.errors import NbqueueError, TamperedPayload
from nbqueue.model.events import Event

log = logging.getLogger("nbqueue")

#: after a second of silence the server is asked whether it is there; this long without an answer, it is not
MUTE_S = 5.0
LISTEN_S = 1.0

Listener = Callable[[Event], None]
Begun = Callable[[], None]


class Channels:
    """The channels somebody listens to; runs on the portal's loop."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        #: job -> who listens to it, and what to call when that has begun
        self._listeners: dict[str, dict[Listener, Begun]] = {}
        self._open: dict[str, asyncio.Event] = {}
        self._pubsub: Any = None
        self._listening: asyncio.Task[None] | None = None
        self._warned = False

    async def join(self, job_id: str, listener: Listener, begun: Begun = lambda: None) -> None:
        """Listen to a job; returns once nothing more is missed (or the server is away: then later).

        `begun` is called when that is so, and again each time after the connection was lost.
        """
        self._listeners.setdefault(job_id, {})[listener] = begun
        opened = self._open.setdefault(job_id, asyncio.Event())
        if opened.is_set():
            begun()
            return
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        elif self._pubsub is not None:
            await self._subscribe(job_id)
        try:
            # not asyncio.wait_for: before Python 3.12 it may swallow a cancel
            async with asyncio.timeout(LISTEN_S):
                await opened.wait()
        except TimeoutError:
            log.debug("listening to job %s has to wait", job_id)

    async def leave(self, job_id: str, listener: Listener) -> None:
        """Listen no longer."""
        there = self._listeners.get(job_id, {})
        there.pop(listener, None)
        if there or job_id not in self._listeners:
            return
        del self._listeners[job_id]
        self._open.pop(job_id, None)
        if self._pubsub is not None:
            try:
                await self._pubsub.unsubscribe(self._wire.keys.live(job_id))
            except TROUBLE as error:
                log.debug("unsubscribing failed, the connection is gone: %r", error)

    async def _subscribe(self, job_id: str) -> None:
        try:
            await self._pubsub.subscribe(self._wire.keys.live(job_id))
        except TROUBLE as error:
            log.debug("subscribing has to wait for the next connection: %r", error)

    async def _listen(self) -> None:
        backoff = Backoff()
        while self._listeners:
            try:
                async with self._wire.dedicated("live") as client:
                    await self._listen_connected(client, backoff)
            except TROUBLE as error:
                log.debug("listening lost its connection: %r", error)
            except NbqueueError as error:
                log.debug("listening is not possible: %s", error)
            if self._listeners:
                await backoff.pause()

    async def _listen_connected(self, client: Any, backoff: Backoff) -> None:
        pubsub = client.pubsub()
        try:
            await self._subscribe_all(pubsub)
            self._pubsub = pubsub
            heard_at = now = asyncio.get_running_loop().time()
            while self._listeners:
                message = await pubsub.get_message(timeout=LISTEN_S)
                now = asyncio.get_running_loop().time()
                if message is not None:
                    heard_at = now
                    backoff.reset()
                    self._heard(message)
                elif now - heard_at > MUTE_S:
                    raise TimeoutError  # half-open: the server would have answered the pings
                else:
                    await pubsub.ping()
        finally:
            self._pubsub = None
            for opened in self._open.values():
                opened.clear()
            await pubsub.aclose()

    async def _subscribe_all(self, pubsub: Any) -> None:
        """Subscribe to whatever is listened to; more may come while this waits."""
        asked: set[str] = set()
        while missing := set(self._listeners) - asked:
            await pubsub.subscribe(*map(self._wire.keys.live, missing))
            asked |= missing

    def _heard(self, message: dict[str, Any]) -> None:
        if message["type"] not in ("subscribe", "message"):
            return
        job_id = message["channel"].decode().removeprefix(self._wire.keys.live(""))
        if message["type"] == "subscribe":
            self._opened(job_id)
            return
        for event in self._read(job_id, message["data"]):
            for listener in tuple(self._listeners.get(job_id, ())):
                listener(event)

    def _opened(self, job_id: str) -> None:
        if job_id in self._open:
            self._open[job_id].set()
        for begun in tuple(self._listeners.get(job_id, {}).values()):
            begun()

    def _read(self, job_id: str, blob: bytes) -> list[Event]:
        try:
            return events.read_message(self._wire.keyring, self._wire.keys, job_id, blob)
        except TamperedPayload as error:
            if not self._warned:
                self._warned = True
                log.warning("A message was dropped (others like it are from now on dropped silently): %s", error)
            return []
