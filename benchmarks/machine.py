"""What a reader needs to know of the machine and the versions; no names of machines or people."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime

import psutil

from benchmarks.arena import Arena, turn
from benchmarks.contestants import BULLMQ, DASK, DOCKET, NAMED, RQ_SIMPLE, SAQ, STREAQ, Contestant
from benchmarks.environments import NotInstalled
from benchmarks.players import PlayerFailed

VERSIONED = (NAMED, Contestant(name="arq", module="arq_peer"), SAQ, STREAQ, RQ_SIMPLE, DOCKET, DASK, BULLMQ)


def facts(arena: Arena, who: Iterable[Contestant]) -> dict[str, str]:
    """Name -> value, in the order to show; with the versions of those named."""
    server, _ = arena.servers["everysec"]
    with server.client() as client:
        told = client.info("server")
    found = {
        "Date": datetime.now(UTC).date().isoformat(),
        "Cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "Processor": _processor(),
        "Memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "System": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "Server": f"Valkey {told.get('valkey_version', told['redis_version'])}, appendonly yes, appendfsync everysec",
        "Jobs a worker runs at once": str(arena.plan.concurrency),
        "Load when it began": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
    }
    return found | dict(_versions(arena, who))


def _versions(arena: Arena, who: Iterable[Contestant]) -> Iterable[tuple[str, str]]:
    for contestant in who:
        try:
            with turn(arena, contestant, working=False) as ready:
                yield contestant.name.partition(",")[0], ready.version
        except (NotInstalled, PlayerFailed) as error:
            yield contestant.name.partition(",")[0], f"not measured: {error}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - no file but a view of the kernel
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()
