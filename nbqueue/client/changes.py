"""The changes of all jobs of a server, read one after the other from a place in their stream on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import events
from nbqueue.broker.scripts import TROUBLE
from nbqueue.client.link import Link
from nbqueue.client.patience import Backoff
from nbqueue.model.events import StateChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one look gave."""

    #: where to read on
    position: str
    changes: Sequence[StateChanged] = ()
    #: of each change where to read on after it; empty where others came with it
    positions: Sequence[str] = ()
    #: whether changes may have been lost, as they were too many or too long ago
    gap: bool = False


class Every:
    """Contains every job."""

    def __contains__(self, job_id: object) -> bool:
        return True


class ChangeReader:
    """Reads at the pace of whoever asks, over any number of connections; `close` it in the end."""

    def __init__(self, after: str | None = None) -> None:
        """Args: `after`: the position that was read last; None: from now on."""
        self._position = None if after is None else after.encode()
        # whether what comes next may not be all, and up to where that was told
        self._lost, self._told = False, b""
        self._opened: AsyncExitStack | None = None
        self._client: Any = None
        self._backoff = Backoff()

    async def begin(self, link: Link) -> str:
        """The position that it reads from; raises BrokerUnavailable where there is no server.

        From one that the server does not know, as it was emptied or is an older copy of itself, or that is too long
        ago, the first look tells of a gap.
        """
        keys, after = link.wire.keys, self._position
        newest = await link.wire.ask(lambda client: events.newest(client, keys))
        if after is None:
            self._position = newest
        elif _number(after) > _number(newest):
            self._position, self._lost = newest, True
        else:
            self._lost = await link.wire.ask(lambda client: events.is_behind(client, keys, after))
        return (self._position or newest).decode()

    async def read(self, link: Link) -> Changes:
        """What comes within a second, or at once; nothing while the connection is lost."""
        position = self._position or b"0-0"
        if self._lost:
            self._lost, self._told = False, position
            return Changes(position=position.decode(), gap=True)
        try:
            found = await events.read_on(await self._connected(link), link.wire.keys, position, Every())
        except TROUBLE:
            await self._leave()
            await self._backoff.pause()
            return Changes(position=position.decode())
        self._backoff.reset()
        self._position = found.position
        positions = [each.decode() if each is not None else "" for each in found.positions]
        gap = found.gap and position != self._told
        return Changes(position=found.position.decode(), changes=found.changes, positions=positions, gap=gap)

    async def close(self, link: Link) -> None:  # noqa: ARG002 - as the session calls it
        """Let the connection go."""
        await self._leave()

    async def _connected(self, link: Link) -> Any:
        if self._opened is None:
            self._opened = AsyncExitStack()
            self._client = await self._opened.enter_async_context(link.wire.dedicated("changes"))
        return self._client

    async def _leave(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()


def _number(position: bytes) -> tuple[int, int]:
    milliseconds, _, number = position.partition(b"-")
    return int(milliseconds), int(number or b"0")
