"""The history as a frame: of jobs that ran, beside peers; of many; and what it takes of the server's memory."""

from __future__ import annotations

import json
import time
from functools import partial

from benchmarks.arena import Arena, turn
from benchmarks.contestants import ARQ, BULLMQ, NAMED, RQ_SIMPLE, Contestant
from benchmarks.pings import pinging
from benchmarks.players import Player, PlayerFailed
from benchmarks.rounds import Results, run_rounds
from nbqueue.broker.keys import Keys

EVERYONE = (NAMED, ARQ, RQ_SIMPLE, BULLMQ)
#: written as the scripts write it
LINES_AN_ENTRY = 32
MEMORY = Contestant(name="memory of the server, by job that ended", module="nbqueue_peer")


def measure(arena: Arena) -> Results:
    """Rows a second, and how long the server kept others waiting."""
    plan = arena.plan
    results = run_rounds(EVERYONE, plan.past_rounds, lambda each: _ran(arena, each), title="history")
    for count in plan.past_attempts:
        who = Contestant(name=f"nbqueue, {count:,} attempts", module="nbqueue_peer")
        results |= run_rounds((who,), plan.past_rounds, partial(_written, arena, count), title="history")
    return results | run_rounds((MEMORY,), 1, lambda _: _memory(arena), title="memory")


def _ran(arena: Arena, contestant: Contestant) -> dict[str, float]:
    """Jobs that the contestant ran before."""
    count = arena.plan.past_jobs
    with turn(arena, contestant) as ready:
        ready.fill(count)
        ready.driver.ask("finish", timeout_s=600)
        if contestant.is_ours:
            ready.driver.ask("few_rows")  # the others have imported pandas already
        return _read(arena, ready.driver, least=count)


def _written(arena: Arena, count: int, _: Contestant) -> dict[str, float]:
    """Attempts that were written by hand, which takes seconds where running them takes minutes."""
    with turn(arena, NAMED, working=False) as ready:
        _write(arena, count)
        ready.driver.ask("few_rows")
        return _read(arena, ready.driver, least=count)


def _read(arena: Arena, driver: Player, *, least: int) -> dict[str, float]:
    server, _ = arena.servers["everysec"]
    with server.client() as client:
        client.config_set("slowlog-log-slower-than", 1000)
        client.slowlog_reset()
        with pinging(server.path, arena.folder / "pings.log") as pings:
            found = driver.ask("history", timeout_s=600)
        longest = max((entry["duration"] for entry in client.slowlog_get(100)), default=0) / 1000
    if found["answer"] < least:
        raise PlayerFailed(f"{found['answer']:,} rows came of {least:,}")
    return {
        "rows/s": found["answer"] / found["seconds"], "s": found["seconds"], "rows": found["answer"],
        "worst PING, ms": pings.worst_ms, "longest command, ms": longest, "peak MB": found["peak_bytes"] / 1e6,
    }  # fmt: skip


def _write(arena: Arena, count: int) -> None:
    """A history of so many attempts of the last week."""
    server, _ = arena.servers["everysec"]
    keys, now = Keys(), round(time.time() * 1000)
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        pipe.sadd(keys.queues, "default")
        for first in range(0, count, LINES_AN_ENTRY):
            at = now - 7 * 86_400_000 * (count - first) // count
            lines = [_line(number, at) for number in range(first, min(first + LINES_AN_ENTRY, count))]
            pipe.xadd(keys.history("default"), {"records": "\n".join(lines), "to": first}, id=f"{at}-{first}")
            if first % (200 * LINES_AN_ENTRY) == 0:
                pipe.execute()
        pipe.execute()


def _line(number: int, at: int) -> str:
    """As a worker writes it; one in twenty failed."""
    bad = {"error_type": "ValueError", "error": f"item {number} is out of range"} if number % 20 == 0 else {}
    return json.dumps({
        "job": f"{number:020x}", "attempt": 1, "state": "failed" if bad else "succeeded", "queue": "default",
        "function": "shop.solve", "submitted": at - 900, "due": at - 900, "started": at - 400, "tries": 1,
        "payload_bytes": 512, "result_bytes": 340, "worker": "machine-12345-1", "host": "machine", "py": "3.11",
        "v": "0.1.0", "label": f"solve {number}", "group": "nightly", "cpu_s": 0.38, "peak_bytes": 52_428_800, **bad,
    }, separators=(",", ":"))  # fmt: skip


def _memory(arena: Arena) -> dict[str, float]:
    """Bytes by job: with its result, and once that is gone."""
    count = arena.plan.memory_jobs
    server, _ = arena.servers["everysec"]
    with turn(arena, NAMED) as ready, server.client() as client:
        before = client.info("memory")["used_memory"]
        ready.fill(count)
        ready.driver.ask("finish", timeout_s=600)
        held = client.info("memory")["used_memory"] - before
        for name in client.scan_iter(match=Keys().result("*"), count=1000):
            client.unlink(name)
        left = client.info("memory")["used_memory"] - before
        history = client.memory_usage(Keys().history("default"), samples=0) or 0
    return {
        "rows": count, "bytes with a result": held / count, "without": left / count,
        "of these the history": history / count,
    }  # fmt: skip
