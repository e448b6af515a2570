"""The connections of this process to one server; everything here runs on the portal's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from nbqueue.broker import scripts
from nbqueue.broker.connection import (
    Address,
    explain,
    is_connection_error,
    is_read_only,
    open_redis,
    parse_url,
    told_of_tls,
)
from nbqueue.broker.events import BLOCK_S
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import TROUBLE, Call
from nbqueue.broker.signing import Keyring
from nbqueue.client import hooks
from nbqueue.client.clock import Clock
from nbqueue.client.patience import Backoff, Deadline
from nbqueue.errors import BrokerUnavailable, ConfigurationError, LocalStackError, NbqueueError
from nbqueue.model.settings import Settings

T = TypeVar("T")

#: one try at a question takes no longer than this: a connection that died in silence is left for another
TRY_S = 2.0
#: a server that is a replica is tried no longer: it seldom becomes the primary while one waits
READ_ONLY_S = 0.8
#: a slow network is given a second more for so many bytes
BYTES_A_SECOND = 2_000_000
#: jobs of one round trip
CHUNK_JOBS = 500


class Wire:
    """Asks the server, patiently: what got no answer is asked again until the time is up."""

    def __init__(self, settings: Settings, keyring: Keyring, address: Address | None = None) -> None:
        """Args: `address` is the server's where it is known already; else the settings say it."""
        self.settings = settings
        self.keyring = keyring
        self.keys = Keys(settings.namespace)
        #: the server's, once somebody has compared it
        self.clock = Clock()
        self._address: Address | None = address
        self._known = address is not None or settings.url is not None
        self._client: Any = None
        self._client_address: Address | None = None
        self._heard = False
        #: whether the store in this process took the server's place
        self._fallen = False
        self._opening = asyncio.Lock()

    async def run(self, call: Call[T], *, size_bytes: int = 0, wakes: bool = False) -> T:
        """Run a script; one whose answer was lost is run again, so it must allow that."""
        extra_s = size_bytes / BYTES_A_SECOND
        return await self.ask(lambda client: scripts.run(client, call), extra_s=extra_s, wakes=wakes)

    async def ask(self, act: Callable[[Any], Awaitable[T]], *, extra_s: float = 0.0, wakes: bool = False) -> T:
        """What `act(client)` gives. Raises BrokerUnavailable once connect_timeout_s (and `extra_s`) are over.

        What this process itself stood still for (a closed laptop) is no time that the server had.

        A local server that was ended on purpose after it was heard of is started again only for one who `wakes` it,
        as whoever submits does; for everybody else it is unavailable at once.
        """
        client = await self._connected()
        deadline = Deadline(asyncio.get_running_loop().time, self.settings.connect_timeout_s + extra_s)
        backoff, told = Backoff(), None
        while True:
            try:
                async with asyncio.timeout_at(deadline.next_try(TRY_S + extra_s)):
                    return await self._first_heard(act(client))
            except TROUBLE as error:
                if not is_connection_error(error):
                    raise self._explained(error) from None
                told = told if told is not None and isinstance(error, TimeoutError) else error
            deadline.woke()
            if self._is_replica(told):
                deadline.shorten(READ_ONLY_S)
            if (left_s := deadline.left_s) <= 0:
                raise self._explained(told) from None
            deadline.next_try(left_s)
            await backoff.pause(at_most_s=left_s)
            deadline.woke()
            client = await self._connected_again(wakes=wakes)

    async def _first_heard(self, answer: Awaitable[T]) -> T:
        """The answer; as long as there was none from this server, a mismatch of TLS is told at once."""
        if self._heard or self._address is None:
            return await answer
        found = await told_of_tls(self._address, answer)
        self._heard = True
        return found

    async def read_long(self, act: Callable[[Any], Awaitable[T]]) -> T:
        """What `act(client)` gives, which asks many times: each question has its own time limit."""
        # no PING: where the disk of the server is full that is refused, and reading is not
        await self.ask(lambda client: client.time())
        try:
            async with self.dedicated("read") as client:
                return await act(client)
        except TROUBLE as error:
            raise self._explained(error) from None

    @asynccontextmanager
    async def dedicated(self, name: str) -> AsyncGenerator[Any, None]:
        """A client of its own, for reads that block; closed at the end of the block."""
        address = await self._found_address(anew=True)
        client = open_redis(
            address, connect_timeout_s=self.settings.connect_timeout_s, name=f"nbqueue-client-{name}",
            socket_timeout_s=BLOCK_S + self.settings.connect_timeout_s,
        )  # fmt: skip
        try:
            yield client
        except TROUBLE as error:
            if is_connection_error(error):
                raise
            raise self._explained(error) from None
        finally:
            await client.aclose()

    @property
    def was_heard(self) -> bool:
        """Whether the server has ever answered."""
        return self._heard

    @property
    def may_fall_back(self) -> bool:
        """Whether no server was ever heard from: no job of this session can be on it."""
        return self._fallen or not self._heard

    def fall_back(self) -> bool:
        """From now on use the store in this process; whether this is news."""
        news, self._fallen = not self._fallen, True
        return news

    async def close(self) -> None:
        """Close what is open."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _connected(self, *, anew: bool = False, wakes: bool = False) -> Any:
        """The client for short questions. `anew`: look first whether the local server has to be started again."""
        async with self._opening:
            address = await self._found_address(anew=anew, wakes=wakes)
            if self._client is None or address != self._client_address:
                await self.close()
                self._client_address = address
                # no limit a read: `ask` limits the whole, and by size
                self._client = open_redis(
                    address, connect_timeout_s=self.settings.connect_timeout_s, socket_timeout_s=None,
                    name="nbqueue-client",
                )  # fmt: skip
            return self._client

    async def _connected_again(self, *, wakes: bool) -> Any:
        try:
            return await self._connected(anew=True, wakes=wakes)
        except LocalStackError as error:
            if wakes:
                raise
            raise BrokerUnavailable(str(error)) from error

    async def _found_address(self, *, anew: bool, wakes: bool = False) -> Address:
        if self._fallen:
            if self._address is None or self._address.kind != "inline":
                self._address = await self._served(parse_url("inline:"))
        elif self._address is None or (anew and not self._known):
            self._address = await self._look_for_address(wakes=wakes or self._address is None)
        return self._address

    async def _look_for_address(self, *, wakes: bool) -> Address:
        if self.settings.url is not None:
            return await self._served(parse_url(self.settings.url))
        if hooks.local_stack is None:
            raise ConfigurationError("No server is known: set NBQUEUE_URL, for example redis://host:6379/0.")
        return await asyncio.to_thread(hooks.local_stack, self.settings, wakes=wakes)

    async def _served(self, address: Address) -> Address:
        """The address; where the store is in this process, so is the worker."""
        if address.kind == "inline" and hooks.inline_worker is not None:
            await asyncio.to_thread(hooks.inline_worker, address, self.settings, self.keyring)
        return address

    def _is_replica(self, error: BaseException) -> bool:
        """Whether a server that was named itself takes no writes; Sentinels are asked again where the primary is."""
        behind = self._address is not None and self._address.kind == "sentinel"
        return is_read_only(error) and not behind

    def _explained(self, error: BaseException | None) -> NbqueueError:
        return explain(error or TimeoutError(), self._address or "the server")
