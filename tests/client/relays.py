"""A relay between client and server that loses what a test wants lost."""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server
from tests.waiting import wait_until


class Relay:
    """Passes bytes between a socket of its own and the server's."""

    def __init__(self, server: Server, folder: Path) -> None:
        #: where clients connect to
        self.path = folder / "relay"
        #: cuts a connection, instead of passing them on, at replies to a request for which this is true
        self.drop: Callable[[bytes], bool] = lambda _: False
        #: how often it did
        self.dropped = 0
        #: keeps replies to a request for which this is true until it no longer is; other connections go on
        self.hold: Callable[[bytes], bool] = lambda _: False
        #: how many replies are kept now
        self.held = 0
        #: whether everything is held back, both ways, as on a line that is dead without anybody knowing
        self.stalled = threading.Event()
        self._server = server
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        """Begin to relay."""
        self._thread.start()
        wait_until(self.path.exists)

    def stop(self) -> None:
        """Cut all connections."""
        self._ending.set()
        self._thread.join(5)

    async def _serve(self) -> None:
        listening = await asyncio.start_unix_server(self._relay, path=self.path)
        while not self._ending.is_set():  # noqa: ASYNC110 - set from another thread
            await asyncio.sleep(0.01)
        listening.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            there, away = await asyncio.open_unix_connection(self._server.path)
            try:
                await self._pass_on(reader, writer, there, away)
            finally:
                writer.close()
                away.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        away: asyncio.StreamWriter,
    ) -> None:
        asked = b""
        waits = {asyncio.ensure_future(reader.read(65_536)): reader, asyncio.ensure_future(there.read(65_536)): there}
        while True:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                source = waits.pop(task)
                data = task.result()
                while self.stalled.is_set():  # noqa: ASYNC110 - set from another thread
                    await asyncio.sleep(0.01)
                if source is reader:
                    asked = data
                elif self.hold(asked):
                    await self._kept(asked)
                elif self.drop(asked):
                    self.dropped += 1
                    return
                if not data:
                    return
                (away if source is reader else writer).write(data)
                waits[asyncio.ensure_future(source.read(65_536))] = source

    async def _kept(self, asked: bytes) -> None:
        self.held += 1
        while self.hold(asked):  # noqa: ASYNC110 - set from another thread
            await asyncio.sleep(0.01)
        self.held -= 1


@contextmanager
def relay(server: Server) -> Iterator[Relay]:
    """A relay that runs while the block does."""
    with tempfile.TemporaryDirectory(prefix="nbq-relay-", dir="/tmp") as folder:
        found = Relay(server, Path(folder))
        found.start()
        try:
            yield found
        finally:
            found.stop()
