"""A machine whose link to the server can be cut: a network namespace, or a relay where there can be none."""

import os
import secrets
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.faults.stores import Relay
from tests.servers import Server, running_server

#: a private network of two addresses: the server's, and the far machine's
NEAR, FAR = "10.213.77.1", "10.213.77.2"


class Link(Protocol):
    """The way from the far machine to the server."""

    def cut(self) -> None:
        """Let nothing through from now on, without a word to either side."""

    def mend(self) -> None:
        """Let all through again."""


@dataclass(frozen=True)
class FarMachine:
    """A machine beyond a link."""

    #: the server, as those on this side reach it
    server: Server
    #: and as those beyond the link do
    url: str
    #: the command that runs a program there
    under: Sequence[str]
    link: Link


@contextmanager
def far_machine(folder: Path) -> Iterator[FarMachine]:
    """A server, and a machine beyond a link."""
    if can_have_namespaces():
        with _namespace() as machine:
            yield machine
        return
    with running_server() as server, Relay(folder / "relay", server.path) as relay:
        yield FarMachine(server, f"unix://{relay.path}", (), _RelayLink(relay))


def can_have_namespaces() -> bool:
    """Whether a network namespace can be made here."""
    name = f"nbq-{secrets.token_hex(3)}"
    try:
        made = _ip("netns", "add", name, check=False)
    except OSError:
        return False
    if made:
        _ip("netns", "del", name)
    return made


@contextmanager
def _namespace() -> Iterator[FarMachine]:
    name = f"nbq-{secrets.token_hex(3)}"
    near, far = f"{name}n", f"{name}f"
    net = secrets.randbelow(200) + 20
    here, there = NEAR.replace(".77.", f".{net}."), FAR.replace(".77.", f".{net}.")
    _ip("netns", "add", name)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _ip("addr", "add", f"{here}/30", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", name, "addr", "add", f"{there}/30", "dev", far)
        _ip("-n", name, "link", "set", far, "up")
        port = _free_port(here)
        with running_server(port=str(port), bind=here, protected_mode="no") as server:
            link = _VethLink(near)
            yield FarMachine(server, f"redis://{here}:{port}", ("ip", "netns", "exec", name), link)
    finally:
        _ip("link", "del", near, check=False)
        _ip("netns", "del", name, check=False)


@dataclass(frozen=True)
class _VethLink:
    near: str

    def cut(self) -> None:
        _ip("link", "set", self.near, "down")

    def mend(self) -> None:
        _ip("link", "set", self.near, "up")


@dataclass(frozen=True)
class _RelayLink:
    relay: Relay

    def cut(self) -> None:
        self.relay.stall()

    def mend(self) -> None:
        self.relay.flow()


def _ip(*words: str, check: bool = True) -> bool:
    done = subprocess.run(
        ["ip", *words], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if check and done.returncode:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr}")
    return done.returncode == 0


def _free_port(host: str) -> int:
    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])
