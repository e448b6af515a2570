"""The local stack of one NBQUEUE_HOME: one embedded server, one keeper, one worker, however many start them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict

from nbqueue.broker.address import Address
from nbqueue.errors import LocalStackError
from nbqueue.local import failures, keeper, launch, locks, passwords, server, sockets, worker_process
from nbqueue.local.home import Home, check, is_there, prepare, write_private
from nbqueue.local.processes import holder, wait_until
from nbqueue.local.resp import ErrorReply
from nbqueue.model.settings import Settings

#: of the time that `stop` has, the worker may use this part to finish its jobs
WORKER_SHARE = 0.6
#: what becomes of jobs when it ends
KEPT = (
    "Jobs that wait are kept; those that ran and did not end in time run again after the next start, from their "
    "beginning or their last checkpoint."
)
#: the keeper ends within this; it has nothing to finish
KEEPER_END_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """The embedded server."""

    #: whether it runs
    running: bool
    #: its process id
    pid: int | None = None
    #: its version, for example ``9.1.2``
    version: str = ""
    #: its socket
    socket: Path | None = None
    #: the folder of its configuration and data
    folder: Path
    #: memory it uses
    memory_bytes: int | None = None
    #: connections, workers among them
    clients: int | None = None
    #: when it was started
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """The local worker."""

    #: whether it runs
    running: bool
    #: its process id
    pid: int | None = None
    #: where its output goes
    log_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperStatus:
    """The daemon that looks after both."""

    #: whether it runs
    running: bool
    #: its process id
    pid: int | None = None
    #: what it did and why
    log_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """The local stack as it is now."""

    #: the embedded server
    server: ServerStatus
    #: its worker
    worker: WorkerStatus
    #: what looks after both
    keeper: KeeperStatus


def ensure(
    settings: Settings,
    *,
    worker: bool = True,
    timeout_s: float = 10.0,
    worker_command: Sequence[str] = worker_process.WORKER_COMMAND,
    wakes: bool = True,
) -> Address:
    """Start what does not run and return where the server is. Any number of threads and processes may call it at once.

    Args:
        settings: say where its home is.
        worker: whether a worker belongs to it.
        timeout_s: how long to wait for the server's first answer.
        worker_command: the worker's program.
        wakes: whether to start it also where somebody has ended it with `stop`; what crashed is started in any case.

    Raises:
        LocalStackError: it cannot be started, or must not be; one sentence says why and what to do.
    """
    failures.refuse_windows()
    home = _home_of(settings)
    with failures.in_one_sentence(home):
        if not _runs(home, worker=worker):
            prepare(home)
            _note_use(home)
            with _start_lock(home, time.monotonic() + timeout_s) as deadline:
                _refuse_ended(home, wakes=wakes)
                _start(home, settings, worker_command if worker else None, deadline)
        _note_use(home)
        return _address(home)


def ensure_worker(
    settings: Settings, *, worker_command: Sequence[str] = worker_process.WORKER_COMMAND, timeout_s: float = 10.0
) -> None:
    """Start the worker's keeper if it does not run; under 2 ms if it does."""
    ensure(settings, worker=True, timeout_s=timeout_s, worker_command=worker_command)


def server_is_up(settings: Settings) -> bool:
    """Whether the server answers now; under 2 ms if it does. Starts nothing."""
    home = _home_of(settings)
    return is_there(home) and server.health(home) is server.Health.UP


def status(settings: Settings) -> StackStatus:
    """What runs, since when and where its files are. Starts nothing."""
    failures.refuse_windows()
    home = _home_of(settings)
    with failures.in_one_sentence(home):
        return StackStatus(
            server=_server_status(home),
            worker=WorkerStatus(**_process(home.worker_lock, home.worker_record), log_file=home.worker_log),
            keeper=KeeperStatus(**_process(home.keeper_lock, home.keeper_record), log_file=home.keeper_log),
        )


def stop(settings: Settings, *, timeout_s: float = 10.0) -> StackStatus:
    """End worker and server gracefully; returns what ran before. Waiting jobs stay in the server's journal."""
    failures.refuse_windows()
    home = _home_of(settings)
    before = status(settings)
    if not is_there(home):
        return before
    with failures.in_one_sentence(home), _start_lock(home, time.monotonic() + timeout_s):
        write_private(home.ended, "")
        try:
            _end_keeper(home)
            worker_process.stop(home, timeout_s=timeout_s * WORKER_SHARE)
            server.shut_down(home, timeout_s=timeout_s)
        except BaseException:
            # the next one that looks for it makes it whole again
            home.ended.unlink(missing_ok=True)
            raise
    return before


def _home_of(settings: Settings) -> Home:
    if settings.home == Path():
        raise LocalStackError("These settings name no home: read them with load_settings(), or give home=.")
    return Home(settings.home.absolute())


def _runs(home: Home, *, worker: bool) -> bool:
    """Whether nothing is left to do; the way that every call takes but the first."""
    if not is_there(home):
        return False
    check(home)
    return server.health(home) is server.Health.UP and (not worker or locks.is_held(home.keeper_lock))


def _start(home: Home, settings: Settings, worker_command: Sequence[str] | None, deadline: float) -> None:
    launch.bring_up(home, memory_bytes=settings.server_memory_bytes, deadline=deadline)
    home.ended.unlink(missing_ok=True)
    if worker_command is not None:
        keeper.start(home, settings, worker_command)


def _refuse_ended(home: Home, *, wakes: bool) -> None:
    """What merely waits for the server does not bring back what somebody has ended."""
    if not wakes and home.ended.exists():
        raise LocalStackError(
            f"The local stack in {home.path} was ended (`nbqueue down`): the next submit starts it again, and so does "
            "`nbqueue up`. What waits is kept."
        )


@contextlib.contextmanager
def _start_lock(home: Home, deadline: float) -> Iterator[float]:
    lock = locks.acquire(home.start_lock, timeout_s=max(0.0, deadline - time.monotonic()))
    if lock is None:
        raise LocalStackError(
            f"Another process has been starting or ending the local stack in {home.path} all the time: try again, or "
            f"look who holds {home.start_lock}."
        )
    try:
        yield deadline
    finally:
        locks.release(lock)


def _address(home: Home) -> Address:
    socket = sockets.find(home)
    return Address(
        kind="unix", path=str(socket), username=passwords.CLIENT_USER, password=str(passwords.client_password(home))
    )


def _note_use(home: Home) -> None:
    """Put the idle clock back, so that the stack does not end between this call and the first connection."""
    try:
        os.utime(home.last_use)
    except FileNotFoundError:
        write_private(home.last_use, "")


def _end_keeper(home: Home) -> None:
    """First of all, as it would start again what ends."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        record = holder(home.keeper_lock, home.keeper_record)
        if record is None:
            return
        record.signal(number)
        wait_until(lambda: not locks.is_held(home.keeper_lock), KEEPER_END_S)


class _Process(TypedDict):
    running: bool
    pid: int | None


def _process(lock: Path, record: Path) -> _Process:
    found = holder(lock, record)
    return {"running": locks.is_held(lock), "pid": found.pid if found else None}


def _server_status(home: Home) -> ServerStatus:
    try:
        with server.connect(home) as connection:
            reply = connection.call("INFO")
    except (OSError, ErrorReply):
        return ServerStatus(**_process(home.server_lock, home.server_record), folder=home.server)
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else ""
    facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return ServerStatus(
        running=True,
        pid=int(facts["process_id"]),
        version=facts.get("valkey_version", ""),
        socket=sockets.find(home),
        folder=home.server,
        memory_bytes=int(facts["used_memory"]),
        clients=int(facts["connected_clients"]) - 1,
        since=datetime.now(UTC) - timedelta(seconds=int(facts["uptime_in_seconds"])),
    )
