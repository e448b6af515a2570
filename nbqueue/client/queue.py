"""`Queue`: one queue by its name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nbqueue.broker import queues
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client import alerts
from nbqueue.client.alerts import Alert
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.model.alerting import Crossing, check
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

    def alert(
        self, *, on: str | Callable[[Crossing], object], depth: int | None = None, oldest_s: float | None = None,
        failure_rate: float | None = None, window_s: float = 300.0,
    ) -> Pending[Alert]:  # fmt: skip
        """Tell when the queue goes over a limit, once, and when it is back.

        Args:
            on: the URL of a webhook, which workers call for as long as the alert is not removed; or a callable that is
                called with a `Crossing` in a thread of its own, for as long as this process lives.
            depth: more jobs than this wait.
            oldest_s: the oldest has waited longer than this many seconds.
            failure_rate: a larger share than this of the jobs that ended within the window did not end well, from ten
                jobs on; cancelled ones do not count.
            window_s: the length of the window in seconds.
        """
        limits = check(self.name, depth=depth, oldest_s=oldest_s, failure_rate=failure_rate, window_s=window_s)
        return alerts.begin(session(), limits, on)

    def alerts(self) -> Pending[list[Alert]]:
        """Its alerts: those that workers look after, and those of this process."""
        return alerts.listed(session(), self.name)

    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, T]]) -> Pending[T]:
        return session().begin(act, what=f'asking about queue "{self.name}"')

    def __repr__(self) -> str:
        return f"Queue({self.name!r})"
