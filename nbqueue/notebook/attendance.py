"""What holds up cards that wait, asked of the server once for all of them, and not too often."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from itertools import islice
from typing import Any, Protocol
from weakref import WeakValueDictionary

from nbqueue.broker.holdup import standing as ask_standing
from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError
from nbqueue.model.advice import patience_s
from nbqueue.model.holdup import Standing
from nbqueue.model.settings import Settings

#: how often it is asked while something waits, and for how long an answer counts, as does that a card waits
ASK_S, FRESH_S = 2.0, 6.0
#: jobs whose own places are asked for; others are told how their queue stands
MOST = 50


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
    """How things stand on one server for what waits, as far as known. Nothing here waits or raises."""

    def __init__(self, session: Asked) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._asked: Future[Standing] | None = None
        self._asked_at = -ASK_S
        self._standing: Standing | None = None
        self._answered_at = -FRESH_S
        #: id of a job that waits -> its queue, and when its card said so
        self._waiting: dict[str, tuple[str, float]] = {}

    def patience_s(self, queue: str) -> float:
        """For how long a job may wait in a queue before it is worth a question."""
        return patience_s(self._session.settings, queue)

    def standing(self, queue: str, job_id: str = "") -> Standing | None:
        """How things stand for a job, or for a queue; None where that is not known; asks where the answer is old."""
        now = time.monotonic()
        with self._lock:
            self._hear(now)
            if job_id:
                self._waiting[job_id] = (queue, now)
            if self._asked is None and now - self._asked_at >= ASK_S:
                self._ask(now)
            return self._standing if now - self._answered_at < FRESH_S else None

    def _ask(self, now: float) -> None:
        self._asked_at = now
        self._waiting = {name: each for name, each in self._waiting.items() if now - each[1] < FRESH_S}
        jobs = {name: queue for name, (queue, _) in islice(self._waiting.items(), MOST)}

        async def standing(link: Link) -> Standing:
            return await link.wire.ask(lambda client: ask_standing(client, link.wire.keys, jobs))

        try:
            self._asked = self._session.call(standing)
        except NbqueueError:
            self._asked = None  # the card shows what it can; whoever waits is told why

    def _hear(self, now: float) -> None:
        asked = self._asked
        if asked is None or not asked.done():
            return
        self._asked = None
        if not asked.cancelled() and asked.exception() is None:
            self._standing, self._answered_at = asked.result(), now


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
