"""The server within this process, for `inline:`: fakeredis, adapted at its edges so that our scripts run as they are.

What differs is how scripts are run (see inline_lua.py), and that a blocked read which was given up goes on: here it
ends with its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any

from nbqueue.broker.address import Address
from nbqueue.broker.asking import Pool
from nbqueue.broker.packing import Packed
from nbqueue.errors import ConfigurationError

try:
    from fakeredis import FakeServer
    from fakeredis._clients._async import FakeAsyncRedisConnection, FakeReader, FakeWriter
    from fakeredis._helpers import NoResponse, SimpleError
    from fakeredis._socket import AsyncFakeSocket

    from nbqueue.broker.inline_lua import Interpreter, word
except ImportError as error:
    raise ConfigurationError(
        f"Running inline needs a library that is missing here ({error.name}): pip install 'nbqueue[inline]'."
    ) from error

#: the server whose commands are spoken
_VERSION = (7, 4)

_servers: dict[str, FakeServer] = {}


def client(address: Address, redis_class: type[Any], options: dict[str, Any]) -> Any:
    """A client of the server of that name, which is made on first use and is there until the process ends."""
    server = _servers.setdefault(address.path, FakeServer(version=_VERSION, server_type="valkey"))
    made: Any = redis_class(connection_pool=Pool(connection_class=_Connection, server=server, **options))
    made.auto_close_connection_pool = True
    return made


def drop(name: str) -> None:
    """Forget a server and all that is stored in it."""
    _servers.pop(name, None)


class _Socket(AsyncFakeSocket):
    """The server's side of a connection."""

    #: the command that waits for something to come
    waiting: asyncio.Task[None] | None = None

    def _get_server_runtime(self, server: Any) -> Any:
        lua = super()._get_server_runtime(server)
        if not isinstance(lua, Interpreter):
            server._lua_runtime = lua = Interpreter(lua)  # noqa: SLF001 - where it keeps its interpreter
        return lua

    def _lua_redis_pcall(self, lua: Any, _: Any, name: bytes, *words: Any) -> Any:
        """Run one command of a script; an error is a table."""
        try:
            run, signature = self._name_to_func(name.decode().lower())
            reply = self._run_command(run, signature, [word(each) for each in words], True)  # noqa: FBT003 - its own
            return self._convert_redis_result(lua, reply)
        except SimpleError as error:
            return lua.table_from({b"err": error.value.encode()})

    def _blocking(
        self, timeout: float | None, func: Callable[[bool], Any], shape: Callable[[Any], Any] | None = None
    ) -> Any:
        """As its own; the task that waits is known here, and a loop that has ended holds up nobody."""
        found = func(True)  # noqa: FBT003 - its own
        if found is not None or self._in_transaction:
            return found if shape is None else shape(found)
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def changed() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

        self._db.add_change_callback(changed)
        self._blocked = True
        self.pause()
        self.waiting = loop.create_task(self._async_blocking(timeout, func, event, changed, shape))
        return NoResponse()


class _Connection(Packed, FakeAsyncRedisConnection):  # type: ignore[misc]
    """Our side of a connection; its answers are Python values that were never text."""

    async def _connect(self) -> None:
        self._sock = _Socket(
            self._server, self.db, client_class=self._client_class, lua_modules=self._lua_modules,
            client_info=self._client_info,
        )  # fmt: skip
        self._reader, self._writer = FakeReader(self._sock), FakeWriter(self._sock)

    @property
    def is_usable(self) -> bool:
        """Whether it is connected."""
        return self._sock is not None

    async def exchange(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run commands and give their replies; an error reply stands in its place."""
        try:
            if self._sock is None:
                await self.connect()  # type: ignore[no-untyped-call]
            server: Any = self._sock
            async with asyncio.timeout(self.socket_timeout):
                for command in commands:
                    server.sendall(self.pack_command(*command)[0])
                return [await server.responses.get() for _ in commands]
        except BaseException:
            await self.disconnect(nowait=True)
            raise

    async def disconnect(self, nowait: bool = False, **options: Any) -> None:  # noqa: FBT001, FBT002 - redis-py's own
        """Leave; a read that waits ends, so that it takes away nothing that others wait for."""
        if isinstance(self._sock, _Socket) and self._sock.waiting is not None:
            self._sock.waiting.cancel()
        await super().disconnect(nowait=nowait, **options)


if hasattr(os, "register_at_fork"):
    # the engine that would run its jobs is not there in a forked copy
    os.register_at_fork(after_in_child=_servers.clear)
