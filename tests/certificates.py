"""Certificates for tests of TLS, made by this machine's openssl, and a terminator that shows them for a server."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.broker.contacts import listener


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """Who signs certificates, in a folder."""

    folder: Path

    @property
    def cert(self) -> Path:
        """What is to be trusted."""
        return self.folder / "ca.pem"

    def signed(self, name: str, *, days: int = 2) -> Pair:
        """A certificate for a host's name; with no days left it has expired."""
        pair = Pair(self.folder / f"{name}{days}.pem", self.folder / f"{name}{days}.key")
        request, names = self.folder / "request", self.folder / "names"
        names.write_text(f"subjectAltName=DNS:{name}\n", encoding="ascii")
        _openssl(f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {pair.key} -out {request}")
        _openssl(
            f"x509 -req -in {request} -CA {self.cert} -CAkey {self.folder}/ca.key -CAcreateserial -days {days} "
            f"-extfile {names} -out {pair.cert}"
        )
        return pair


def authority(folder: Path) -> Authority:
    """A new one."""
    folder.mkdir(exist_ok=True)
    _openssl(f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Test -keyout {folder}/ca.key -out {folder}/ca.pem")
    return Authority(folder)


def context(pair: Pair, *, clients_of: Authority | None = None) -> ssl.SSLContext:
    """What a server goes by; `clients_of`: clients must show a certificate of that authority."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(pair.cert, pair.key)
    if clients_of is not None:
        found.verify_mode = ssl.CERT_REQUIRED
        found.load_verify_locations(clients_of.cert)
    return found


@contextmanager
def terminator(path: Path, speaking: ssl.SSLContext) -> Iterator[int]:
    """A port that speaks TLS, and passes on what it hears to a server's socket."""

    def serve(taken: socket.socket) -> None:
        threading.Thread(target=_relay, args=(taken, path, speaking)).start()

    with listener(serve) as port:
        yield port


def _relay(taken: socket.socket, path: Path, speaking: ssl.SSLContext) -> None:
    with (
        suppress(OSError),
        speaking.wrap_socket(taken, server_side=True) as secure,
        socket.socket(socket.AF_UNIX) as server,
    ):
        server.connect(str(path))
        secure.settimeout(0.005)
        server.settimeout(0.005)
        while _passed(secure, server) and _passed(server, secure):
            continue


def _passed(source: socket.socket, target: socket.socket) -> bool:
    """Whether the source goes on, after what it had was passed on."""
    try:
        data = source.recv(65_536)
    except TimeoutError:
        return True
    target.settimeout(5)
    target.sendall(data)
    target.settimeout(0.005)
    return bool(data)


def _openssl(words: str) -> None:
    subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
