"""First contacts with servers, and servers that only listen."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nbqueue.broker.connection import Address, check_connection, open_redis
from nbqueue.errors import NbqueueError


async def check(address: Address, timeout_s: float = 5.0) -> tuple[NbqueueError | None, float]:
    """The error of a first contact, and the seconds it took."""
    client = open_redis(address, connect_timeout_s=timeout_s, socket_timeout_s=timeout_s)
    began = time.monotonic()
    try:
        await check_connection(client, address, timeout_s=timeout_s)
    except NbqueueError as error:
        return error, time.monotonic() - began
    finally:
        await client.aclose()
    return None, time.monotonic() - began


def tcp(port: int, **given: Any) -> Address:
    """An address on this machine."""
    return Address(kind="tls" if given.get("tls") else "tcp", host="127.0.0.1", port=port, **given)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def listener(answer: Callable[[socket.socket], None] | None = None) -> Iterator[int]:
    """A TCP server that accepts and then does as told, or keeps silent; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                accepted.append(client)
                if answer is not None:
                    answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for client in accepted:
        client.close()


@contextmanager
def slow_way(path: str, delay_s: float) -> Iterator[int]:
    """A port from which a server's socket is reached, each answer being late by so much."""

    def relay(taken: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        threading.Thread(target=_pass_on, args=(taken, server, 0.0)).start()
        threading.Thread(target=_pass_on, args=(server, taken, delay_s)).start()

    with listener(relay) as port:
        yield port


def _pass_on(source: socket.socket, target: socket.socket, delay_s: float) -> None:
    with source, suppress(OSError):
        while data := source.recv(65_536):
            time.sleep(delay_s)
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
