"""A server with a journal that can be killed and started again, and a relay that cuts or stalls connections to it."""

import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import redis

from nbqueue.model.settings import Settings
from tests.servers import OPTIONS, end_process, end_with_parent, server_binary
from tests.waiting import wait_until


class Store:
    """A server on one folder, over any number of its lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: its socket
        self.path = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"unix://{self.path}"

    @property
    def settings(self) -> Settings:
        """Settings of a client and of workers."""
        return Settings(url=self.url, home=self.folder / "home")

    def start(self, **options: str) -> None:
        """Start it on what the folder holds; returns when it answers."""
        given = {"appendonly": "yes", "appendfsync": "everysec", **options}
        settings = {
            **OPTIONS, "unixsocket": str(self.path), "dir": str(self.folder),
            "logfile": str(self.folder / "server.log"), **given,
        }  # fmt: skip
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [str(server_binary()), *words],
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509
        )
        wait_until(self._answers, 20)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            end_process(self._process)
            self._process = None

    def client(self) -> redis.Redis:
        """A plain client."""
        return redis.Redis(unix_socket_path=str(self.path))

    def _answers(self) -> bool:
        with suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False


def last(seconds: float) -> None:
    """Let a fault last so long: what a test waits for here is time itself."""
    threading.Event().wait(seconds)


class Relay:
    """Stands between clients and a server: passes bytes on, stops passing them, or cuts every connection."""

    def __init__(self, path: Path, server: Path) -> None:
        #: where clients connect
        self.path = path
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._flowing = threading.Event()
        self._flowing.set()
        self._marker = b""
        self._marked: set[socket.socket] = set()
        self._lock = threading.Lock()
        #: half-open: stalled for ever, closed by nobody
        self._dead: list[tuple[socket.socket, socket.socket]] = []
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._flowing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._pairs += self._dead
        self.cut()

    def stall(self) -> None:
        """Pass on nothing more, and close nothing: the other side seems to have vanished."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on again, over new connections; the stalled ones stay dead."""
        with self._lock:
            self._dead += self._pairs
            self._pairs = []
        self._flowing.set()

    def swallow_answer_to(self, marker: bytes) -> None:
        """Let the next request that holds these bytes through, and cut the connection instead of its answer."""
        self._marker = marker

    def cut(self) -> None:
        """End every connection, in the middle of whatever it carries."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(pair)

    def _accept(self) -> None:
        while True:
            try:
                theirs, _ = self._listener.accept()
            except OSError:
                return
            ours = socket.socket(socket.AF_UNIX)
            try:
                ours.connect(str(self._server))
            except OSError:
                theirs.close()
                continue
            pair = (theirs, ours)
            with self._lock:
                self._pairs.append(pair)
            for pump in (self._pump_requests, self._pump_answers):
                threading.Thread(target=pump, args=(pair,), daemon=True).start()

    def _pump_requests(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with suppress(OSError):
            while (data := pair[0].recv(65536)) and self._may_pass(pair):
                if self._marker and self._marker in data:
                    self._marker = b""
                    self._marked.add(pair[1])
                pair[1].sendall(data)
        self._ended(pair)

    def _pump_answers(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with suppress(OSError):
            while (data := pair[1].recv(65536)) and self._may_pass(pair) and pair[1] not in self._marked:
                pair[0].sendall(data)
        self._ended(pair)

    def _may_pass(self, pair: tuple[socket.socket, socket.socket]) -> bool:
        self._flowing.wait()
        return pair in self._pairs

    def _ended(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            if pair not in self._pairs:
                return
            self._pairs.remove(pair)
        _close(pair)


def _close(pair: tuple[socket.socket, socket.socket]) -> None:
    for each in pair:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
