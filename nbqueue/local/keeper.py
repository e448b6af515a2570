"""The daemon of one home: starts worker and server again when they end, and ends both when nobody needs them."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from nbqueue.errors import LocalStackError
from nbqueue.local import failures, launch, locks, logs, server, worker_process
from nbqueue.local.home import Home
from nbqueue.local.idle import IdleWatch
from nbqueue.local.processes import ProcessRecord, record_of, spawn_detached
from nbqueue.local.resp import Connection, ErrorReply
from nbqueue.local.worker_process import Backoff, WorkerProcess
from nbqueue.model.settings import Settings, load_settings

#: how often it looks round when nothing wakes it
LOOK_ROUND_S = 0.5
#: how often log files are measured
CAP_LOGS_S = 60.0
#: a server that is started by the keeper has this long
START_WAIT_S = 30.0
#: the worker has this long to finish its jobs when the stack ends for want of work: there are none
DRAIN_S = 5.0

CLIENT_NAME = "nbqueue-keeper"
_log = logging.getLogger(__name__)


def start(home: Home, settings: Settings, worker_command: Sequence[str]) -> None:
    """Start the keeper unless it runs. The caller holds the start lock."""
    lock = None if locks.is_held(home.keeper_lock) else locks.acquire(home.keeper_lock)
    if lock is None:
        return
    logs.cap(home.keeper_log)
    command = [sys.executable, "-P", "-m", "nbqueue.local.keeper", str(lock), *worker_command]
    environment = _with_our_package(worker_process.environment_for(settings, home))
    try:
        spawn_detached(command, log=home.keeper_log, lock=lock, environment=environment, folder=home.path)
    finally:
        locks.release(lock)


class Keeper:
    """Looks after one home until it is told to end or nobody needs it."""

    def __init__(self, home: Home, settings: Settings, *, lock: int, worker: WorkerProcess) -> None:
        self._home = home
        self._settings = settings
        self._lock = lock
        self._worker = worker
        self._worker_backoff = Backoff()
        self._server_backoff = Backoff()
        self._server: Connection | None = None
        self._server_process: ProcessRecord | None = None
        self._idle = IdleWatch(home, settings.idle_stop_s)
        self._ending = False
        self._logs_capped_at = time.monotonic()
        self._wake, self._waker = os.pipe()

    def run(self) -> None:
        """Look round until the end."""
        self._listen()
        while not self._ending:
            if self._home_is_gone():
                self._end_everything()
                return
            self._look_after_server()
            self._look_after_worker()
            self._cap_logs()
            if self._server and self._idle_too_long() and self._retire():
                return
            self._wait()

    def _listen(self) -> None:
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _wait(self) -> None:
        """Until a child ends, a signal comes, the server goes away or it is time to look round."""
        sources: list[int | Connection] = [self._wake, self._server] if self._server else [self._wake]
        ready, _, _ = select.select(sources, [], [], LOOK_ROUND_S)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        if self._server in ready:
            self._forget_server()

    def _look_after_server(self) -> None:
        if self._server is None:
            try:
                self._connect()
            except (OSError, ErrorReply):
                self._restart_server()

    def _connect(self) -> None:
        self._server = server.connect(self._home, name=CLIENT_NAME)
        self._server_process = server.running(self._home)

    def _restart_server(self) -> None:
        if not self._server_backoff.is_over():
            return
        start_lock = locks.acquire(self._home.start_lock)
        if start_lock is None:
            return
        try:
            if server.health(self._home) is not server.Health.UP:
                self._server_backoff.started()
                _log.warning("the server is gone, starting it")
            deadline = time.monotonic() + START_WAIT_S
            launch.bring_up(self._home, memory_bytes=self._settings.server_memory_bytes, deadline=deadline)
            self._connect()
        except (LocalStackError, OSError, ErrorReply) as error:
            _log.error("%s", error)
        finally:
            locks.release(start_lock)

    def _look_after_worker(self) -> None:
        if self._worker.is_running() or not self._worker_backoff.is_over():
            return
        self._worker_backoff.started()
        try:
            pid = self._worker.start()
        except OSError as error:
            _log.error("the worker cannot be started: %s", error)
        else:
            _log.info("worker started: process %s", pid)

    def _idle_too_long(self) -> bool:
        try:
            return self._server is not None and self._idle.is_over(self._server)
        except (OSError, ErrorReply):
            self._forget_server()
            return False

    def _retire(self) -> bool:
        """End worker and server, unless somebody begins to use them this moment."""
        start_lock = locks.acquire(self._home.start_lock)
        if start_lock is None:
            return False
        try:
            if self._server is None or not self._idle.is_over_now(self._server):
                return False
            _log.info("nothing to do for %s s: ending", self._settings.idle_stop_s)
            worker_process.stop(self._home, timeout_s=DRAIN_S)
            self._forget_server()
            server.shut_down(self._home, timeout_s=START_WAIT_S)
            locks.release(self._lock)
        except (OSError, ErrorReply) as error:
            _log.warning("could not end: %s", error)
            return False
        finally:
            locks.release(start_lock)
        return True

    def _home_is_gone(self) -> bool:
        """Whether the folder was deleted or replaced under us."""
        try:
            return not os.path.samestat(self._home.keeper_lock.stat(), os.fstat(self._lock))
        except FileNotFoundError:
            return True

    def _end_everything(self) -> None:
        """There is nothing left to keep: no process of ours may outlive its folder."""
        _log.warning("%s is gone: ending", self._home.path)
        self._worker.kill()
        if self._server_process:
            self._server_process.signal(signal.SIGKILL)

    def _forget_server(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    def _cap_logs(self) -> None:
        if time.monotonic() - self._logs_capped_at > CAP_LOGS_S:
            self._logs_capped_at = time.monotonic()
            for log in (self._home.worker_log, self._home.keeper_log, self._home.server_log):
                logs.cap(log)


def main(arguments: Sequence[str]) -> None:
    """Run the keeper of NBQUEUE_HOME: its lock's descriptor and the worker's command are the arguments."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = load_settings()
    home = Home(settings.home)
    lock = int(arguments[0])
    locks.adopt(lock)
    record = record_of(os.getpid())
    if record:
        record.save(home.keeper_record)
    worker = WorkerProcess(home, arguments[1:], os.environ)
    with failures.in_one_sentence(home):
        Keeper(home, settings, lock=lock, worker=worker).run()


def _with_our_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment, in which a new interpreter finds the nbqueue that we are."""
    root = str(Path(__file__).parents[2])
    known = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    if root not in known and not root.endswith(("site-packages", "dist-packages")):
        known.append(root)
    return {**environment, "PYTHONPATH": os.pathsep.join(known)} if known else dict(environment)


if __name__ == "__main__":
    main(sys.argv[1:])
