"""What workers serve and offer, asked of the server once for all cards that wait, and not too often."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any, Protocol
from weakref import WeakValueDictionary

from nbqueue.broker import attendance as wire
from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError
from nbqueue.model.advice import Offers
from nbqueue.model.settings import Settings

#: how long a job waits before it is asked whether anybody will run it
PATIENCE_S = 2.0
#: the local stack starts its worker with the first submit, which takes longer on a busy machine
LOCAL_PATIENCE_S = 10.0
LOCAL_QUEUE = "default"
#: how often it is asked while something waits, and for how long an answer counts
ASK_S, FRESH_S = 2.0, 6.0


class Asked(Protocol):
    """Who is asked: a session of the client."""

    @property
    def settings(self) -> Settings:
        """Which server it goes to."""
        ...

    def call(self, act: Any, /) -> Future[Any]:
        """Put `act(link)` under way."""
        ...


class Attendance:
    """What the workers of one server offer, as far as known. Nothing here waits or raises."""

    def __init__(self, session: Asked) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._asked: Future[Offers] | None = None
        self._asked_at = -ASK_S
        self._offers: Offers = {}
        self._answered_at = -FRESH_S

    def patience_s(self, queue: str) -> float:
        """For how long a job may wait in a queue before it is worth a question."""
        at_home = self._session.settings.url is None and queue == LOCAL_QUEUE
        return LOCAL_PATIENCE_S if at_home else PATIENCE_S

    def offers(self) -> Offers | None:
        """What there is for each queue that is served, None where that is not known; asks where the answer is old."""
        now = time.monotonic()
        with self._lock:
            self._hear(now)
            if self._asked is None and now - self._asked_at >= ASK_S:
                self._ask(now)
            return self._offers if now - self._answered_at < FRESH_S else None

    def _ask(self, now: float) -> None:
        self._asked_at = now
        try:
            self._asked = self._session.call(_offers)
        except NbqueueError:
            self._asked = None  # the card shows what it can; whoever waits is told why

    def _hear(self, now: float) -> None:
        asked = self._asked
        if asked is None or not asked.done():
            return
        self._asked = None
        if not asked.cancelled() and asked.exception() is None:
            self._offers, self._answered_at = asked.result(), now


async def _offers(link: Link) -> Offers:
    return await link.wire.ask(lambda client: wire.offers(client, link.wire.keys))


_lock = threading.Lock()
#: as long as a card has it
_by_session: WeakValueDictionary[Asked, Attendance] = WeakValueDictionary()


def attendance(session: Asked) -> Attendance:
    """The one of a session, shared by all its cards."""
    with _lock:
        found = _by_session.get(session)
        if found is None:
            found = _by_session[session] = Attendance(session)
        return found
