"""The local worker as a process: started by the keeper, found again by whoever comes after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import psutil

from nbqueue.local import locks, logs
from nbqueue.local.home import Home, open_private
from nbqueue.local.processes import holder, load_record, record_of, wait_until
from nbqueue.model.settings import Settings

#: the worker's program
WORKER_COMMAND = (sys.executable, "-P", "-m", "nbqueue", "worker")
#: after the second request to end (jobs go back to their queue) it may take this long
HASTE_S = 2.0
#: waits before the next start of a worker that ends at once, and the most
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 30.0
#: a worker that ran this long is started again at once
STEADY_S = 10.0


class Backoff:
    """How long to wait before starting something again that keeps ending."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wait_s = 0.0
        self._started_at = -STEADY_S

    def started(self) -> None:
        """Note a start: the next wait is longer, unless the last run was long."""
        now = self._clock()
        steady = now - self._started_at >= self._wait_s + STEADY_S
        self._wait_s = 0.0 if steady else min(max(2 * self._wait_s, FIRST_WAIT_S), LONGEST_WAIT_S)
        self._started_at = now

    def is_over(self) -> bool:
        """Whether the next start is due."""
        return self._clock() - self._started_at >= self._wait_s


class WorkerProcess:
    """The worker of one home, our own child or one that an earlier keeper left behind."""

    def __init__(self, home: Home, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._home = home
        self._command = list(command)
        self._environment = dict(environment)
        self._child: subprocess.Popen[bytes] | None = None
        self._record = load_record(home.worker_record)

    def start(self) -> int | None:
        """Start it unless it runs: its process id, or None where another worker holds the lock."""
        lock = locks.acquire(self._home.worker_lock)
        if lock is None:
            return None
        logs.cap(self._home.worker_log)
        try:
            with open_private(self._home.worker_log, "ab") as output:
                self._child = subprocess.Popen(  # noqa: S603 (our own command)
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    pass_fds=[lock],
                    env=self._environment,
                    cwd=self._home.path,
                )
        finally:
            locks.release(lock)
        self._record = record_of(self._child.pid)
        if self._record:
            self._record.save(self._home.worker_record)
        return self._child.pid

    def is_running(self) -> bool:
        """Whether it runs, be it ours or found. What our own left behind when it ended is ended too."""
        if self._child is None:
            return locks.is_held(self._home.worker_lock)
        if record_of(self._child.pid):
            return True
        end_session(self._child.pid)
        self._child.wait()
        self._child = None
        return locks.is_held(self._home.worker_lock)

    def kill(self) -> None:
        """End it and all its children at once."""
        if self._record and self._record.is_running():
            end_session(self._record.pid)
            self._record.signal(signal.SIGKILL)


def stop(home: Home, *, timeout_s: float) -> None:
    """End the worker: it is asked to finish, then to hand its jobs back, then ended with all its children."""
    record = holder(home.worker_lock, home.worker_record)
    if record is None:
        return
    for wait_s in (timeout_s, HASTE_S):
        record.signal(signal.SIGTERM)
        if wait_until(lambda: not record.is_running(), wait_s):
            break
    end_session(record.pid)
    record.signal(signal.SIGKILL)
    wait_until(lambda: not locks.is_held(home.worker_lock), HASTE_S)


def environment_for(settings: Settings, home: Home) -> dict[str, str]:
    """Our environment with these settings in it, so that the worker reads the same ones."""
    environment = {name: value for name, value in os.environ.items() if name != "NBQUEUE_URL"}
    for item in fields(Settings):
        value = getattr(settings, item.name)
        if value is not None and item.name != "url":
            environment["NBQUEUE_" + item.name.upper()] = str(value)
    environment["NBQUEUE_HOME"] = str(home.path)
    return environment


def end_session(leader: int) -> None:
    """Kill all that a process left in its session, in whatever process groups; not the process itself."""
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.pid != leader:
                process.kill()
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue
