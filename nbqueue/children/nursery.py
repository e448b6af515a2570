"""The engine's link to one zygote: starts it, asks it for children, hears of their births and deaths."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from nbqueue.children import exporting, lineage
from nbqueue.children.death import Death
from nbqueue.children.frames import REQUEST
from nbqueue.children.host import Host
from nbqueue.children.shortage import Shortages
from nbqueue.children.upkeep import THREAD_VARIABLES

_log = logging.getLogger("nbqueue.worker")
_READ_BYTES = 2**16
#: seconds before a zygote that died is replaced, doubled each time it does not live long
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 5.0
_LIVED_S = 5.0
#: seconds before a fork that the system refused is asked for again
_FORK_AGAIN_S = 0.2
_CLOSE_S = 2.0
#: the variable that all processes below a zygote carry
MARK = "NBQ_ZYGOTE"
#: keeps pyarrow, which pandas loads, from starting a thread in a process that is to be forked
_NO_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


class Nursery:
    """One zygote at a time, and the children that came from it.

    The zygote of a family is for its owner to replace. Children are asked for once it is warm; until then they can be
    taken back.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        modules: Sequence[str],
        *,
        family: str = "",
        on_warm: Callable[[tuple[str, ...], str], None],
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """Args: whose zygote it is; told what it has loaded, and why not its family; who replaces it, if not this."""
        self._loop = loop
        self._modules = list(modules)
        self._family = family
        self._on_warm, self._on_lost = on_warm, on_lost
        #: whether its zygote has loaded what it is to load
        self.is_warm = False
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._buffer = b""
        self._unborn: dict[int, Host] = {}
        self._alive: dict[int, Host] = {}
        self._started_at = 0.0
        self._wait_s = _FIRST_WAIT_S
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._mark = secrets.token_hex(8)
        self._shortages = Shortages()

    @property
    def pid(self) -> int | None:
        """The zygote's process id, while there is one."""
        return self._process.pid if self._process else None

    @property
    def hosts(self) -> list[Host]:
        """Its children, those that are not born yet included."""
        return [*self._alive.values(), *self._unborn.values()]

    @property
    def lived_long(self) -> bool:
        """Whether its zygote has been there for longer than one that dies of itself."""
        return self._loop.time() - self._started_at > _LIVED_S

    def start(self) -> None:
        """Start a zygote, and ask it for the children that are waited for."""
        self._started_at = self._loop.time()
        try:
            self._start()
        except OSError as error:
            if self._on_lost is not None:
                self._on_lost()
                return
            _log.warning("The process that forks children could not be started (%s); trying again.", error)
            self._timer = self._loop.call_later(_LONGEST_WAIT_S, self.start)

    def bear(self, host: Host) -> None:
        """Have the zygote fork the process of `host`."""
        self._unborn[host.number] = host
        if self.is_warm:
            self._ask(host)

    def give_up(self, host: Host | None = None) -> list[Host]:
        """Children that it was not asked for yet, all or one, to be had elsewhere."""
        if self.is_warm:
            return []
        found = [each for each in self._unborn.values() if host in (None, each)]
        for each in found:
            del self._unborn[each.number]
        return found

    async def close(self) -> None:
        """Kill all children and the zygote, and wait until they are gone."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for host in self.hosts:
            host.kill()
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        if self._process is not None:
            if not self.is_warm:
                self._process.kill()  # it does not listen yet, and has no children
            await asyncio.to_thread(_wait_or_kill, self._process)
        self._bury_all()

    def _start(self) -> None:
        self._timer = None
        ours, theirs = socket.socketpair()
        with theirs:
            open_variables = [name for name in THREAD_VARIABLES if name not in os.environ]
            orders = {
                "engine": os.getpid(), "family": self._family, "open": open_variables,
                "modules": [*self._modules, *exporting.modules()],
            }  # fmt: skip
            command = [sys.executable, "-m", "nbqueue.children.zygote", str(theirs.fileno()), json.dumps(orders)]
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
                command,
                pass_fds=[theirs.fileno()],
                env=clean_environment(self._mark),
                stdin=subprocess.DEVNULL,
                stdout=2,
                start_new_session=True,
            )
        ours.setblocking(False)  # noqa: FBT003 - it takes no keyword
        self._sock, self._buffer = ours, b""
        self._loop.add_reader(ours, self._read)

    def _ask(self, host: Host) -> None:
        control, output = host.wire.theirs, host.output.theirs
        if self._sock is None or control is None or output is None or host.number not in self._unborn:
            return
        try:
            request = REQUEST.pack(host.kind.encode(), host.number)
            socket.send_fds(self._sock, [request], [control.fileno(), output])
        except ConnectionError:
            return  # the zygote is gone; the next one is asked
        except OSError:
            self._loop.call_later(_FORK_AGAIN_S, self._ask, host)

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES) if self._sock else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._hear(*json.loads(line))

    def _hear(self, what: str, *facts: object) -> None:
        hear: dict[str, Callable[..., None]] = {
            "forked": self._forked,
            "failed": self._failed,
            "reaped": self._reaped,
            "ready": self._warm,
        }
        hear[what](*facts)

    def _warm(self, loaded: list[str], trouble: str) -> None:
        self._on_warm(tuple(loaded), trouble)
        self.is_warm = True
        for host in list(self._unborn.values()):
            self._ask(host)

    def _forked(self, number: int, pid: int) -> None:
        host = self._unborn.pop(number)
        self._alive[pid] = host
        host.born(pid)

    def _failed(self, number: int, why: str) -> None:
        _log.warning("A child process could not be forked (%s); trying again.", why)
        self._loop.call_later(_FORK_AGAIN_S, self._ask, self._unborn[number])

    def _reaped(self, pid: int, status: int, cpu_s: float, peak_bytes: int) -> None:
        death = Death(status=status, cpu_s=cpu_s, peak_memory_bytes=peak_bytes)
        shortage = self._shortages.judge(death.signal, peak_bytes)
        self._alive.pop(pid).bury(replace(death, shortage=shortage))

    def _lost(self) -> None:
        """The zygote died, and with it its children; their groups go too, and a new one is started."""
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        if self._process is not None:
            _wait_or_kill(self._process)
        lineage.kill_marked(f"{MARK}={self._mark}")
        if self._closed:
            return
        self.is_warm = False
        if self._on_lost is not None:
            self._on_lost()
        else:
            self._wait_s = _FIRST_WAIT_S if self.lived_long else min(self._wait_s * 2, _LONGEST_WAIT_S)
            _log.warning("The process that forks children is gone; starting another in %.2f s.", self._wait_s)
            self._timer = self._loop.call_later(self._wait_s, self.start)
        self._bury_all()

    def _bury_all(self) -> None:
        alive, self._alive = self._alive, {}
        for pid, host in alive.items():
            lineage.kill_group(pid)
            host.bury(Death(reason="" if self._closed else "the process that it was forked from was lost"))
        if self._closed:
            unborn, self._unborn = self._unborn, {}
            for host in unborn.values():
                host.bury(Death())


def clean_environment(mark: str = "") -> dict[str, str]:
    """What children may see of this process's environment: nothing of nbqueue's own settings.

    All that they start carry the zygote's mark, so that it can be found if their zygote is killed.
    """
    found = {name: value for name, value in os.environ.items() if not name.startswith("NBQUEUE_")}
    usual = {**dict.fromkeys(THREAD_VARIABLES, "1"), **_NO_THREADS}
    return {**usual, **found, MARK: mark}


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_CLOSE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
