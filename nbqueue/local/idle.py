"""Telling that nobody needs the local stack any more."""

from __future__ import annotations

import time
from collections.abc import Callable

from nbqueue.broker.keys import Keys
from nbqueue.local.home import Home
from nbqueue.local.resp import Connection, text_of

#: clients of these names do not keep the stack alive
OWN_CLIENTS = ("nbqueue-worker", "nbqueue-keeper", "nbqueue-look")
#: queues and schedules of every namespace; a sorted set exists only while something is in it
LIVE = ("*" + Keys().queue("*"), "*" + Keys().schedules)


def is_idle(client: Connection) -> bool:
    """Whether no other client is connected, no job waits or runs, and no schedule will make one."""
    return not _has_other_clients(client) and not any(_has(client, pattern) for pattern in LIVE)


class IdleWatch:
    """How long nobody has needed the stack, counted from the last job, client or `ensure`."""

    def __init__(self, home: Home, limit_s: float, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._limit_s = limit_s
        self._clock = clock
        self._busy_at = clock()
        self._next_look_at = 0.0

    @property
    def look_every_s(self) -> float:
        """Often enough to end in time, seldom enough to cost nothing."""
        return min(max(self._limit_s / 10, 0.1), 30.0)

    def is_over(self, client: Connection) -> bool:
        """Whether the stack has been idle for its limit; 0 means that it never ends itself."""
        if self._limit_s <= 0 or self._clock() < self._next_look_at:
            return False
        self._next_look_at = self._clock() + self.look_every_s
        return self.is_over_now(client)

    def is_over_now(self, client: Connection) -> bool:
        """The same, looked at this moment."""
        if not is_idle(client):
            self._busy_at = self._clock()
        return self._clock() - max(self._busy_at, _last_use_at(self._home)) >= self._limit_s


def _has_other_clients(client: Connection) -> bool:
    names = [_field(line, "name") for line in text_of(client.call("CLIENT", "LIST")).splitlines()]
    return not all(name.startswith(OWN_CLIENTS) for name in names)


def _field(line: str, name: str) -> str:
    return next((word.partition("=")[2] for word in line.split(" ") if word.startswith(name + "=")), "")


def _has(client: Connection, pattern: str) -> bool:
    cursor = ""
    while cursor != "0":
        reply = client.call("SCAN", cursor or "0", "MATCH", pattern, "COUNT", "1000", "TYPE", "zset")
        position, keys = reply if isinstance(reply, list) else (b"0", None)
        if keys:
            return True
        cursor = text_of(position)
    return False


def _last_use_at(home: Home) -> float:
    try:
        return home.last_use.stat().st_mtime
    except FileNotFoundError:
        return 0.0
