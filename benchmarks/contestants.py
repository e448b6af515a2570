"""Who is measured: each queue, the file that drives it, what it needs installed, how its worker is held back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One row of a table."""

    name: str
    #: module under benchmarks/peers (or, on Node, the file)
    module: str
    #: what the module is told to be
    variant: str = "-"
    #: what its own environment holds; empty: it runs in nbqueue's
    needs: tuple[str, ...] = ()
    #: how its worker is kept from starting jobs while they are submitted
    hold: Literal["stop the process", "pause the queue", "cannot"] = "stop the process"
    #: whether a worker process is started for it
    has_worker: bool = True
    #: the server's `appendfsync`
    fsync: Literal["everysec", "always"] = "everysec"
    on_node: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether nbqueue does the work."""
        return self.name.startswith("nbqueue")


def _ours(name: str, variant: str, fsync: Literal["everysec", "always"] = "everysec") -> Contestant:
    return Contestant(
        name=f"nbqueue, {name}", module="nbqueue_peer", variant=variant, hold="pause the queue", fsync=fsync
    )


NAMED = _ours("registered", "name")
NAMED_ALWAYS = _ours("registered, fsync always", "name", "always")
COROUTINE = _ours("coroutine by value", "coroutine")
SYNC = _ours("sync, one child", "sync:1")
STOCK = Contestant(name="nbqueue, arq's WorkerSettings", module="arq_peer", variant="nbqueue")

ARQ = Contestant(name="arq", module="arq_peer")
SAQ = Contestant(name="SAQ", module="saq_peer", needs=("saq[redis,hiredis]>=0.26", "typing_extensions"))
STREAQ = Contestant(name="streaQ", module="streaq_peer", needs=("streaq>=7",))
RQ_FORK = Contestant(name="RQ, a fork per job", module="rq_peer", variant="fork", needs=("rq>=3", "hiredis", "pandas"))
RQ_SIMPLE = Contestant(name="RQ, no fork", module="rq_peer", variant="simple", needs=("rq>=3", "hiredis", "pandas"))
DOCKET = Contestant(name="docket", module="docket_peer", needs=("pydocket>=0.27", "hiredis"))
DASK = Contestant(name="Dask", module="dask_peer", needs=("distributed>=2026.1",), hold="cannot", has_worker=False)
BULLMQ = Contestant(name="BullMQ on Node", module="bullmq_peer.mjs", needs=("bullmq@6", "ioredis@5"), on_node=True)
BARE = Contestant(name="bare LPUSH/BRPOP", module="bare_peer", hold="cannot")


#: two workers, the second of which has nothing to do
DASK_PAIR = replace(DASK, variant="2")
HERE = _ours("killed with its supervisor, another worker on the machine", "sync:1")
ELSEWHERE = _ours("killed with its supervisor, another worker elsewhere", "sync:1")
ENGINE = _ours("its engine alone killed", "sync:1")


def sync_on(slots: int) -> Contestant:
    """Sync functions in so many children at once."""
    return _ours(f"sync, {slots} children", f"sync:{slots}")


#: those a goal names: ratios are taken to the first, and to the best of the second
STOCK_ARQ = ARQ.name
PYTHON_PEERS = (ARQ, SAQ, STREAQ, RQ_SIMPLE, RQ_FORK, DOCKET, DASK)
