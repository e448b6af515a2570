"""The two passwords of the local server: made once, kept in files that only the owner can read."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from nbqueue.local.home import Home, read_if_there, write_private

#: the user of clients and workers: all data, none of the commands that change the server
CLIENT_USER = "nbqueue"
#: the user that may end the server
ADMIN_USER = "nbqueue-admin"


class Password(str):
    """A text that tracebacks and debuggers do not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def client_password(home: Home) -> Password:
    """The password of clients and workers; empty where the server was never started."""
    return Password(read_if_there(home.client_password).strip())


def admin_password(home: Home) -> Password:
    """The password of the user that may end the server."""
    return Password(read_if_there(home.admin_password).strip())


def create_missing(home: Home) -> None:
    """Make those that do not exist yet. Kept over restarts: running kernels know them."""
    for path in (home.client_password, home.admin_password):
        if not read_if_there(path).strip():
            _create(path)


def fingerprint(password: str) -> str:
    """What the server's configuration holds in place of the password (a random one of 256 bits)."""
    return hashlib.sha256(password.encode()).hexdigest()


def _create(path: Path) -> None:
    write_private(path, secrets.token_urlsafe(32) + "\n", durable=True)
