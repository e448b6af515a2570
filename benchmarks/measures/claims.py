"""What a claim costs the server while very many jobs wait: ready, far off, or behind a limit."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from ctypes.util import find_library
from functools import partial

from benchmarks.arena import Arena
from benchmarks.contestants import Contestant
from benchmarks.crowd import ROOM, Crowd
from benchmarks.plan import Plan
from benchmarks.rounds import Results, run_rounds
from nbqueue.model.options import check
from tests.servers import running_server

FAR_OFF = check(delay=86_400 * 365)
#: a function whose jobs may run so many at once
HELD = ("held", check(concurrency=ROOM))

#: times one claim: its seconds; as many jobs wait after it as before
Claiming = Callable[[Crowd], Awaitable[float]]


async def _next_ready(crowd: Crowd) -> float:
    """Others were submitted behind those that are claimed."""
    await crowd.submit(ROOM)
    claimed, seconds = await _timed(crowd)
    await crowd.finish(claimed)
    return seconds


async def _behind_the_limit(crowd: Crowd) -> float:
    """The limit lets as many through as have ended; others are put behind it."""
    await crowd.finish(await crowd.held())
    _, seconds = await _timed(crowd)
    await crowd.submit(ROOM, *HELD)
    await crowd.park_ready()
    return seconds


async def _timed(crowd: Crowd) -> tuple[dict[str, int], float]:
    claimed, seconds = await crowd.timed_claim()
    if len(claimed) != ROOM:
        raise ValueError(f"A claim gave {len(claimed)} jobs, not {ROOM}.")
    return claimed, seconds


async def _fill_ready(crowd: Crowd, count: int) -> None:
    await crowd.submit(count)


async def _fill_far_off(crowd: Crowd, count: int) -> None:
    await crowd.submit(count, options=FAR_OFF)


async def _fill_held(crowd: Crowd, count: int) -> None:
    await crowd.submit(count + ROOM, *HELD)
    await crowd.park_ready()


async def _look(crowd: Crowd) -> float:
    """The same size of work, with none of our scripts."""
    await crowd.submit(ROOM)
    seconds = await crowd.timed_look()
    await crowd.finish((await crowd.timed_claim())[0])
    return seconds


FLOOR = "no claim: as many records read and touched"
#: row -> how jobs come to wait (None: as in the row before), and what is timed
ROWS: dict[str, tuple[Callable[[Crowd, int], Awaitable[None]] | None, Claiming]] = {
    "ready": (_fill_ready, _next_ready),
    FLOOR: (None, _look),
    "due in a year, others claimed": (_fill_far_off, _next_ready),
    "held behind a limit, others claimed": (_fill_held, _next_ready),
    "held behind a limit, claimed as it opens": (None, _behind_the_limit),
}


def measure(arena: Arena) -> Results:
    """Milliseconds on the server's own clock for a claim of 64 jobs, by how many wait; each has its own server."""
    results: Results = {}
    for allocator, under in _allocators().items():
        found = _measure_under(arena.plan, under, allocator)
        results |= {f"{name}; {allocator}": series for name, series in found.items()}
    return results


def _allocators() -> dict[str, Sequence[str]]:
    """What gives the server its memory, and the command that has it so."""
    jemalloc = find_library("jemalloc")
    if jemalloc is None:
        return {"malloc": ()}
    return {"jemalloc": ("env", f"LD_PRELOAD={jemalloc}"), "malloc": ()}


def _measure_under(plan: Plan, under: Sequence[str], allocator: str) -> Results:
    with ExitStack() as stack:
        crowds = {count: Crowd(stack.enter_context(running_server(under))) for count in plan.waiting_jobs}
        with asyncio.Runner() as runner:
            results: Results = {}
            for name, (fill, claiming) in ROWS.items():
                if fill is not None:
                    runner.run(_filled(crowds, fill))
                timed = partial(_round, runner, crowds, claiming, plan.timed_claims)
                results |= run_rounds([_row(name)], plan.claim_rounds, timed, title=f"claims, {allocator}")
            for crowd in crowds.values():
                runner.run(crowd.close())
    return results


def _row(name: str) -> Contestant:
    return Contestant(name=name, module="crowd")


async def _filled(crowds: dict[int, Crowd], fill: Callable[[Crowd, int], Awaitable[None]]) -> None:
    for count, crowd in crowds.items():
        await crowd.begin()
        await fill(crowd, count)


def _round(
    runner: asyncio.Runner, crowds: dict[int, Crowd], claiming: Claiming, claims: int, _: Contestant
) -> dict[str, float]:
    """The median of some claims with each number of jobs waiting, and what the largest is to the smallest."""
    found = {count: runner.run(_median_ms(crowd, claiming, claims)) for count, crowd in crowds.items()}
    least, most = min(found), max(found)
    medians = {f"ms, {count:,} wait": ms for count, ms in found.items()}
    return {**medians, f"{most:,} to {least:,}": found[most] / found[least]}


async def _median_ms(crowd: Crowd, claiming: Claiming, claims: int) -> float:
    samples: Sequence[float] = [await claiming(crowd) for _ in range(claims)]
    return 1000 * statistics.median(samples)
