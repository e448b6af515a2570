"""The embedded server as it runs: asking how it is, ending it."""

from __future__ import annotations

import contextlib
import enum
import signal

from nbqueue.local import locks, passwords, sockets
from nbqueue.local.home import Home
from nbqueue.local.processes import ProcessRecord, holder, wait_until
from nbqueue.local.resp import Connection, ErrorReply

#: an answer that takes longer counts as none
ANSWER_WAIT_S = 1.0
#: how long a server may take to write its last bytes before it is killed
LAST_WRITE_S = 5.0


class Health(enum.Enum):
    """What a server answers when asked how it is."""

    UP = "answers"
    LOADING = "reads its journal"
    MUTE = "does not answer"
    REFUSING = "knows another password"
    GONE = "has no socket"


def connect(home: Home, *, timeout_s: float = ANSWER_WAIT_S, name: str = "nbqueue-look") -> Connection:
    """A connection with the client's rights; raises OSError where there is no server, ErrorReply where it refuses."""
    path = sockets.find(home)
    if path is None:
        raise FileNotFoundError(f"The local stack in {home.path} was never started.")
    connection = Connection(path, timeout_s=timeout_s)
    try:
        connection.all_well(
            ("AUTH", passwords.CLIENT_USER, passwords.client_password(home)), ("CLIENT", "SETNAME", name), ("PING",)
        )
    except BaseException:
        connection.close()
        raise
    return connection


def health(home: Home, *, timeout_s: float = ANSWER_WAIT_S) -> Health:
    """How the server is; under a millisecond when it is up."""
    try:
        connect(home, timeout_s=timeout_s).close()
    except ErrorReply as refusal:
        return {"WRONGPASS": Health.REFUSING, "NOAUTH": Health.REFUSING, "LOADING": Health.LOADING}.get(
            refusal.code, Health.UP
        )
    except (TimeoutError, BlockingIOError):
        return Health.MUTE
    except OSError:
        return Health.GONE
    return Health.UP


def shut_down(home: Home, *, timeout_s: float) -> None:
    """End the server so that its journal is complete. The caller holds the start lock."""
    if not locks.is_held(home.server_lock):
        return
    asked = _ask_to_end(home)
    if not asked or not wait_until(lambda: not locks.is_held(home.server_lock), timeout_s):
        end_by_signal(home)


def end_by_signal(home: Home) -> None:
    """End a server that cannot be asked: it still writes its journal; killed only if it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = running(home)
        if process is None:
            return
        process.signal(number)
        wait_until(lambda: not locks.is_held(home.server_lock), LAST_WRITE_S)


def running(home: Home) -> ProcessRecord | None:
    """The server's process."""
    return holder(home.server_lock, home.server_record)


def _ask_to_end(home: Home) -> bool:
    """Whether the server was asked to end; it answers by closing the connection, once all is on the disk."""
    path = sockets.find(home)
    if path is None:
        return False
    try:
        with Connection(path, timeout_s=ANSWER_WAIT_S) as connection:
            connection.call("AUTH", passwords.ADMIN_USER, passwords.admin_password(home))
            with contextlib.suppress(ConnectionError, TimeoutError):
                connection.call("SHUTDOWN")
    except (OSError, ErrorReply):
        return False
    return True
