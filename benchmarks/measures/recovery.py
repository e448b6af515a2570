"""How long until the job of a worker that was killed runs again."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from benchmarks.arena import Arena
from benchmarks.contestants import (
    ARQ,
    BULLMQ,
    DASK_PAIR,
    DOCKET,
    ELSEWHERE,
    ENGINE,
    HERE,
    RQ_FORK,
    SAQ,
    STREAQ,
    Contestant,
)
from benchmarks.kills import Killed, killed
from benchmarks.players import PlayerFailed
from benchmarks.rounds import Results, Series, run_rounds

OURS = (HERE, ELSEWHERE, ENGINE)
PEERS = (RQ_FORK, ARQ, DOCKET, BULLMQ, STREAQ, SAQ, DASK_PAIR)


def measure(arena: Arena) -> Results:
    """Seconds, a number a kill. Ours are killed one after another while the peers wait, whose processes do nothing."""
    plan = arena.plan
    waiting: list[tuple[str, Killed]] = []
    with ExitStack() as stack:

        def left(peer: Contestant) -> dict[str, float]:
            waiting.append((peer.name, stack.enter_context(killed(arena, peer))))
            return {}

        def watched(ours: Contestant) -> dict[str, float]:
            with killed(arena, ours) as one:
                return {"s": _back(one, plan.back_within_s)}

        peers = run_rounds(PEERS, plan.peer_kills, left, title="killed")
        results = run_rounds(OURS, plan.kills, watched, title="killed")
        for name, one in waiting:
            _note(peers[name], one, plan.back_within_s)
            print(f"recovery  {name}: {one.seconds()} s", file=sys.stderr, flush=True)
    return results | peers


def _back(one: Killed, limit_s: int) -> float:
    seconds = one.waited_for(limit_s)
    if seconds is None:
        raise PlayerFailed(f"> {limit_s:,} s")
    return seconds


def _note(found: dict[str, Series], one: Killed, limit_s: int) -> None:
    """The seconds, or how often it was not back; where it never was, that alone."""
    seconds = one.waited_for(limit_s)
    if seconds is not None:
        found.pop("failure", None)
        found.setdefault("s", Series()).numbers.append(seconds)
        return
    if "s" not in found:
        found["failure"] = Series(failure=f"> {limit_s:,} s")
    found.setdefault(f"times over {limit_s:,} s", Series(numbers=[0.0])).numbers[0] += 1
