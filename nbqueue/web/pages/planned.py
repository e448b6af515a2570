"""The schedules of a server, read again now and then while somebody looks at them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from nbqueue.client import scheduling
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.errors import NbqueueError
from nbqueue.model.schedule import ScheduleRecord

#: what is known of them may be so old
STALE_S = 3.0


class Planned:
    """What is known of the schedules."""

    def __init__(self, of: Session) -> None:
        self._session = of
        self._read_at = -STALE_S
        #: by name
        self.records: Sequence[ScheduleRecord] = ()
        #: grows with each change
        self.version = 0
        # the last question that was asked, and the one that was answered
        self._asked, self._answered = 0, 0
        self._reading: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Read them again where what is known is old; what cannot be read stays as it was."""
        if time.monotonic() - self._read_at < STALE_S:
            return
        self._read_at = time.monotonic()
        self._asked = asked = self._asked + 1
        try:
            found = await asyncio.wrap_future(self._session.call(_records))
        except NbqueueError:
            return  # the page says already that the server does not answer
        # an answer that was overtaken by that to a later question is old
        if asked > self._answered and found != self.records:
            self.records = found
            self.version += 1
        self._answered = max(asked, self._answered)

    def look(self) -> None:
        """The same, beside what the caller does: a server that does not answer keeps nobody waiting."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self.refresh())

    def stale(self) -> None:
        """Read them at the next look: one was changed."""
        self._read_at = -STALE_S


async def _records(link: Link) -> list[ScheduleRecord]:
    return [found.record for found in await scheduling.look_up_all(link)]
