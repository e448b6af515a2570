"""The zygotes of one engine: a plain one, and one for each family of libraries that is in use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from nbqueue.children.host import Host
from nbqueue.children.nursery import Nursery
from nbqueue.model.families import MIXED

_log = logging.getLogger("nbqueue.worker")
#: seconds without a run after which the zygote of a family ends
IDLE_S = 600.0
#: so many times in that span it is looked at
_LOOKS = 8
#: seconds that runs wait for a zygote to load its libraries; then their children load them themselves
PATIENCE_S = 30.0
#: seconds after which a family that could not be had is tried again
AGAIN_S = 60.0


class Nurseries:
    """Where children come from. A run waits for the zygote of its family: to import it itself would take as long."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, modules: Sequence[str], *, idle_s: float, patience_s: float
    ) -> None:
        self._loop = loop
        self._modules = modules
        self._idle_s, self._patience_s = idle_s, patience_s
        self._plain = Nursery(loop, modules, on_warm=self._plain_warm)
        self._others: dict[str, Nursery] = {}
        #: what the plain zygote has loaded for the user's modules, and so all of its children
        self._base: frozenset[str] = frozenset()
        #: when a run last wanted a family, or was seen in one of its children
        self._wanted_at: dict[str, float] = {}
        #: until when a family is not to be had
        self._lacking_until: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> dict[str, int | None]:
        """The process ids of the zygotes by their families; the plain one's is the empty one."""
        return {"": self._plain.pid, **{family: nursery.pid for family, nursery in self._others.items()}}

    def start(self) -> None:
        """Start the plain zygote."""
        self._plain.start()

    def family_of(self, wanted: str) -> str:
        """The family that a child for such a run is to be of; empty for a plain one, which may have to do."""
        if not wanted or wanted == MIXED or wanted in self._base:
            return ""
        now = self._loop.time()
        self._wanted_at[wanted] = now
        return "" if now < self._lacking_until.get(wanted, 0.0) else wanted

    def besides(self, loaded: Sequence[str]) -> frozenset[str]:
        """Of what a child has loaded, what a plain one has not."""
        return frozenset(loaded) - self._base

    def bear(self, host: Host) -> None:
        """Have the zygote of its family fork the process of `host`; start that if there is none."""
        family = self.family_of(host.family)
        nursery = self._others.get(family)
        if not family:
            host.loaded = frozenset()
            self._plain.bear(host)
        elif nursery is not None:
            nursery.bear(host)
        else:
            self._begin(family, host)

    def hasten(self, host: Host) -> None:
        """Do not let a child wait for its zygote any longer."""
        nursery = self._others.get(host.family)
        if nursery is not None:
            self._bear_plain(nursery.give_up(host))

    async def close(self) -> None:
        """Kill all children and zygotes, and wait until they are gone."""
        for timer in self._timers.values():
            timer.cancel()
        nurseries = [self._plain, *self._others.values()]
        await asyncio.gather(*(nursery.close() for nursery in nurseries), *self._closing)

    def _begin(self, family: str, host: Host) -> None:
        nursery = Nursery(
            self._loop, self._modules, family=family,
            on_warm=partial(self._warm, family), on_lost=partial(self._lost, family),
        )  # fmt: skip
        self._others[family] = nursery
        nursery.bear(host)
        self._timers[family] = self._loop.call_later(self._patience_s, self._lose_patience, family)
        nursery.start()

    def _plain_warm(self, loaded: tuple[str, ...], _: str) -> None:
        self._base = frozenset(loaded)

    def _warm(self, family: str, loaded: tuple[str, ...], trouble: str) -> None:
        """A family's zygote has done what it could."""
        self._later(family, self._idle_s / _LOOKS, self._look)
        if family in loaded:
            self._lacking_until.pop(family, None)
        else:
            self._do_without(family, trouble or "it was not loaded")

    def _lost(self, family: str) -> None:
        """A family's zygote died: another one is begun when it is wanted, unless this one was no good."""
        nursery = self._others[family]
        if not nursery.lived_long:
            self._do_without(family, "the process that was to load it died")
            return
        self._drop(family)
        for host in nursery.give_up():
            self.bear(host)

    def _do_without(self, family: str, why: str) -> None:
        _log.warning("No processes are prepared for %s, jobs load it themselves: %s", family, why)
        self._lacking_until[family] = self._loop.time() + AGAIN_S
        nursery = self._drop(family)
        self._bear_plain(nursery.give_up())
        self._end(nursery)

    def _lose_patience(self, family: str) -> None:
        nursery = self._others[family]
        _log.warning("Preparing a process for %s takes long: jobs load it themselves meanwhile.", family)
        self._lacking_until[family] = self._loop.time() + AGAIN_S
        self._later(family, self._idle_s / _LOOKS, self._look)
        self._bear_plain(nursery.give_up())

    def _look(self, family: str) -> None:
        """Let go of a family that nobody has wanted for long: of its idle children, and then of its zygote."""
        nursery = self._others[family]
        if any(host.runs for host in nursery.hosts):
            self._wanted_at[family] = self._loop.time()
        if self._loop.time() - self._wanted_at[family] < self._idle_s:
            self._later(family, self._idle_s / _LOOKS, self._look)
            return
        self._drop(family)
        self._end(nursery)

    def _later(self, family: str, delay_s: float, act: Callable[[str], None]) -> None:
        self._timers[family].cancel()
        self._timers[family] = self._loop.call_later(delay_s, act, family)

    def _drop(self, family: str) -> Nursery:
        self._timers.pop(family).cancel()
        return self._others.pop(family)

    def _end(self, nursery: Nursery) -> None:
        for host in nursery.hosts:
            host.leaving = True
        task = self._loop.create_task(nursery.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _bear_plain(self, hosts: Sequence[Host]) -> None:
        for host in hosts:
            host.loaded = frozenset()
            self._plain.bear(host)
