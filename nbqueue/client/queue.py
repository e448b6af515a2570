"""`Queue`: one queue by its name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nbqueue.broker import queues
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.model.names import check_queue

T = TypeVar("T")


class Queue:
    """A queue: its numbers, who works on it, and whether its jobs may start."""

    def __init__(self, name: str = "default") -> None:
        #: its name
        self.name = check_queue(name)

    def stats(self) -> Pending[QueueStats]:
        """Its numbers now."""
        return self._begin(lambda link: link.wire.ask(lambda client: queues.stats(client, link.wire.keys, self.name)))

    def pause(self) -> Pending[None]:
        """Let no more of its jobs start; those that run go on."""
        return self._begin(lambda link: link.wire.ask(lambda client: queues.pause(client, link.wire.keys, self.name)))

    def resume(self) -> Pending[None]:
        """Let its jobs start again."""
        return self._begin(lambda link: link.wire.ask(lambda client: queues.resume(client, link.wire.keys, self.name)))

    def workers(self) -> Pending[list[EngineInfo]]:
        """The engines that serve it."""

        async def asked(link: Link) -> list[EngineInfo]:
            found = await link.wire.ask(lambda client: queues.engines(client, link.wire.keys))
            return [engine for engine in found if self.name in engine.queues]

        return self._begin(asked)

    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Pending[T]:
        return session().begin(act, what=f'asking about queue "{self.name}"')

    def __repr__(self) -> str:
        return f"Queue({self.name!r})"
