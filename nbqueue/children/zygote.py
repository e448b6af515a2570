"""The zygote: a small clean process that forks children on request, buries them, and goes when its engine goes."""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
import types
import warnings
from collections.abc import Sequence

from nbqueue.broker import reducers
from nbqueue.children import child, lineage, upkeep
from nbqueue.children.frames import REQUEST
from nbqueue.model import families

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LAST_WAIT_S = 1.0
#: milliseconds without a request before more is imported
_QUIET_MS = 20


class Zygote:
    """Serves one engine over one socket."""

    def __init__(self, engine: socket.socket, *, trouble: str, rest: Sequence[str]) -> None:
        """Args: why its family's library could not be loaded; what is to be imported once there is time."""
        self._engine = engine
        self._trouble, self._rest = trouble, list(rest)
        self._children: set[int] = set()
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)

    def serve(self) -> None:
        """Fork and bury until the engine is gone; then kill all that is left."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._engine, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        self._tell("ready", families.loaded(), self._trouble)
        alive = True
        while alive:
            ready = {descriptor for descriptor, _ in poll.poll(_QUIET_MS if self._rest else None)}
            if not ready:
                preload([self._rest.pop(0)], say=False)
                settle()
            if self._woken in ready:
                self._bury_dead()
            if self._engine.fileno() in ready:
                alive = self._answer()
        self._kill_all()

    def _answer(self) -> bool:
        """Take one request; False when the engine is gone."""
        try:
            request, descriptors, _, _ = socket.recv_fds(self._engine, REQUEST.size, 2)
            kind, number = REQUEST.unpack(request)
            control, output = descriptors
        except (OSError, ValueError, struct.error):
            return False
        try:
            self._fork(kind.decode(), number, control, output)
        except OSError as error:
            self._tell("failed", number, str(error))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, kind: str, number: int, control: int, output: int) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(kind, control, output, parent)
        self._children.add(pid)
        self._tell("forked", number, pid)

    def _become_child(self, kind: str, control: int, output: int, parent: int) -> None:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_IGNORED, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            status = child.main(kind, control, output, parent)
        except BaseException:  # noqa: BLE001 - a child must never return into the zygote's loop
            traceback.print_exc()
        finally:
            os._exit(status)

    def _bury_dead(self) -> None:
        try:
            while os.read(self._woken, 512):
                pass
        except BlockingIOError:
            pass
        while (pid := lineage.next_dead()) is not None:
            if pid in self._children:
                self._bury(pid)
            else:
                os.waitpid(pid, 0)
        for orphan in set(lineage.children(os.getpid())) - self._children:
            lineage.kill(orphan)

    def _bury(self, pid: int) -> None:
        """Take the rest of its process group along while its id is still its own, then reap it."""
        lineage.kill_group(pid)
        _, status, usage = os.wait4(pid, 0)
        self._children.discard(pid)
        self._tell("reaped", pid, status, usage.ru_utime + usage.ru_stime, lineage.peak_bytes(usage.ru_maxrss))

    def _tell(self, *report: object) -> None:
        try:
            self._engine.sendall(json.dumps(report).encode() + b"\n")
        except OSError:
            self._kill_all()

    def _kill_all(self) -> None:
        """Leave nothing alive, orphans of other sessions included, and end."""
        for pid in self._children:
            lineage.kill_group(pid)
        until = time.monotonic() + _LAST_WAIT_S
        while time.monotonic() < until and (left := lineage.children(os.getpid())):
            for pid in left:
                lineage.kill(pid)
            while (dead := lineage.next_dead()) is not None:
                os.waitpid(dead, 0)
            time.sleep(0.002)
        os._exit(0)


def preload(modules: Sequence[str], *, say: bool = True) -> str:
    """Import what children will need, so that they find it done; what fails is left to them. The first reason."""
    trouble = ""
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - code of others; the job that needs it will say so again
            trouble = trouble or f"{type(error).__name__}: {error}"
            if say:
                print(f"nbqueue: module {name!r} could not be preloaded.", file=sys.stderr)  # noqa: T201
                traceback.print_exc()
    return trouble


def settle() -> None:
    """Leave what is here as it is in the children, so that they share its memory."""
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve the engine at the other end of the inherited socket."""
    engine = socket.socket(fileno=int(sys.argv[1]))
    engine.set_inheritable(False)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    lineage.adopt_orphans()
    sys.modules["__main__"] = types.ModuleType("__main__")
    orders = json.loads(sys.argv[2])
    if not lineage.die_with(orders["engine"]):  # as long as it loads it does not hear that, and has nobody to bury
        os._exit(0)
    first, *rest = families.BY_NAME[orders["family"]].preload if orders["family"] else ("",)
    trouble = preload([first], say=False) if first else ""
    # what of the user's does not go with the family is told of by the plain zygote, which loads it too
    preload(orders["modules"], say=not first)
    lineage.live_on()
    upkeep.OPEN_VARIABLES = tuple(orders["open"])
    reducers.known()  # looked up once, for all children
    warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork.*")
    settle()
    Zygote(engine, trouble=trouble, rest=[] if trouble else rest).serve()


if __name__ == "__main__":
    main()
