"""Stock clients of arq, our workers, and what goes wrong: kills, blocked loops, lost servers, unreadable records."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from arq.connections import ArqRedis
from arq.jobs import DeserializationError, JobStatus
from arq.worker import JobExecutionFailed

from nbqueue.model.settings import Settings
from tests.faults.conftest import Measure
from tests.faults.stores import Store, last
from tests.servers import Server
from tests.waiting import until
from tests.worker.stocks import burst, double, enqueue, pool_at, result, serving
from tests.workers import ROOT, Ledger, running_worker

MODULE = "tests.faults.stock_settings"
#: twice what is promised: the machine of a test has other work
ELSEWHERE_S = 2 * 5.0
HERE_S = 2 * 1.5


@pytest.fixture
async def pool(server: Server) -> AsyncIterator[ArqRedis]:
    """A stock client."""
    async with pool_at(server.path) as pool:
        yield pool


@contextmanager
def program(path: Path, *, machine: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A process of an arq user's own, without a supervisor."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STOCK_SOCKET": str(path), "NBQUEUE_MACHINE": machine}
    process = subprocess.Popen([sys.executable, "-m", MODULE], env=environment, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize(("other", "within_s"), [("two", ELSEWHERE_S), ("one", HERE_S)])
async def test_a_job_of_a_killed_worker_starts_again(
    server: Server, pool: ArqRedis, *, ledger: Ledger, gate: Path, measure: Measure, other: str, within_s: float
) -> None:
    """A worker without a supervisor is killed: its job runs again within 5 s elsewhere, 1.5 s on its machine."""
    with program(server.path, machine="one") as first:
        job = await enqueue(pool, "until_told", str(ledger.path), "job", str(gate))
        await asyncio.to_thread(ledger.wait, "begin")
        with program(server.path, machine=other) as second:
            await until(lambda: _engines(server) >= 2, 20)
            killed_at = time.monotonic()
            first.send_signal(signal.SIGKILL)
            again = (await asyncio.to_thread(ledger.wait, "begin", times=2, timeout_s=within_s))[1]
            measure("again", again.at - killed_at, within_s=within_s)
            await asyncio.to_thread(gate.touch)
            assert await result(job) == second.pid
    info = await job.result_info()
    assert info is not None
    assert (info.job_try, len(ledger.lines("begin"))) == (2, 2)


async def test_code_that_blocks_the_loop_keeps_its_job(server: Server, pool: ArqRedis, ledger: Ledger) -> None:
    """A job that does not yield for longer than a lease is not run a second time by a neighbour."""
    with program(server.path, machine="one"), program(server.path, machine="two"):
        await until(lambda: _engines(server) >= 2, 20)
        job = await enqueue(pool, "block", str(ledger.path), "job", 6.0)
        assert await job.result(timeout=20, poll_delay=0.05) == "job"
    assert [line.word for line in ledger.lines()] == ["begin", "end"]


async def test_a_supervised_settings_class_survives_its_engine(
    server: Server,
    pool: ArqRedis,
    *,
    home: Path,
    ledger: Ledger,
    gate: Path,
    measure: Measure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under `nbqueue worker module.Settings` a supervisor holds the lease: a killed engine's job runs again."""
    monkeypatch.setenv("STOCK_SOCKET", str(server.path))
    settings = Settings(url=server.url, home=home)
    with running_worker(settings, f"{MODULE}.WorkerSettings") as worker:
        job = await enqueue(pool, "until_told", str(ledger.path), "job", str(gate))
        begun = (await asyncio.to_thread(ledger.wait, "begin"))[0]
        assert begun.pid == worker.engine()
        killed_at = time.monotonic()
        psutil.Process(begun.pid).kill()
        again = (await asyncio.to_thread(ledger.wait, "begin", times=2))[1]
        measure("again", again.at - killed_at, within_s=HERE_S)
        await asyncio.to_thread(gate.touch)
        assert await result(job) == again.pid != begun.pid
        worker.signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.exit_code, 15) == 0
    assert not await pool.exists("nbq:leases")


async def test_a_supervised_worker_gives_its_jobs_back(
    server: Server, pool: ArqRedis, *, home: Path, ledger: Ledger, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to end, it does what arq does without `job_completion_wait`: what runs is queued again at once."""
    monkeypatch.setenv("STOCK_SOCKET", str(server.path))
    with running_worker(Settings(url=server.url, home=home), f"{MODULE}:WorkerSettings") as worker:
        job = await enqueue(pool, "until_told", str(ledger.path), "job", str(gate))
        await asyncio.to_thread(ledger.wait, "begin")
        worker.signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.exit_code, 15) == 0
    assert await job.status() is JobStatus.queued


async def test_a_lost_server_does_not_end_a_worker(store: Store, ledger: Ledger) -> None:
    """The server is killed under 200 jobs and comes back: the same process goes on, and every job has its result."""
    with program(store.path) as process:
        async with pool_at(store.path) as pool:
            jobs = [await enqueue(pool, "quick", str(ledger.path), f"job{number}") for number in range(200)]
            await asyncio.to_thread(ledger.wait, "ran", times=20)
            # what the journal holds: it is written each second
            await asyncio.to_thread(last, 1.2)
            store.kill()
            await asyncio.to_thread(last, 1.0)
            await asyncio.to_thread(store.start)
            jobs.append(await enqueue(pool, "quick", str(ledger.path), "after"))
            values = [await job.result(timeout=20, poll_delay=0.05) for job in jobs]
        assert values == [*(f"job{number}" for number in range(200)), "after"]
        assert process.poll() is None


async def test_a_server_that_is_not_up_yet_is_waited_for(store: Store, ledger: Ledger) -> None:
    """A worker that starts before its server does not end; it serves when the server is there."""
    store.kill()
    with program(store.path) as process:
        await asyncio.to_thread(last, 2.0)
        assert process.poll() is None
        await asyncio.to_thread(store.start)
        async with pool_at(store.path) as pool:
            job = await enqueue(pool, "quick", str(ledger.path), "job")
            assert await job.result(timeout=20, poll_delay=0.05) == "job"


async def test_records_that_nobody_can_read_end_alone(server: Server, pool: ArqRedis) -> None:
    """Ghosts, garbage, wrong types and ids that are no UTF-8 fail or vanish; the worker lives and runs the others."""
    count = _strew(server)
    async with serving(server.path, double, allow_abort_jobs=True) as worker:
        await until(lambda: worker.jobs_complete + worker.jobs_failed == count)
        job = await enqueue(pool, "double", 21)
        assert await result(job) == 42
        assert not await pool.zcard("arq:queue")
    errors = {b"garbage": DeserializationError, b"no-args": DeserializationError, b"ghost": JobExecutionFailed}
    assert {job_id: type(await _stored(pool, job_id)) for job_id in errors} == errors
    assert [await _stored(pool, job_id) for job_id in (b"\xff\xfe", b"record")] == [2, 2]


async def test_errors_that_cannot_be_shown_end_their_own_job_alone(server: Server, pool: ArqRedis) -> None:
    """An error whose text is no UTF-8, or that has none at all, holds up nobody else's end."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    async def odd(_: object) -> None:
        raise ValueError("\ud800")

    async def mute(_: object) -> None:
        raise MuteError

    jobs = [await enqueue(pool, name) for name in ("odd", "mute")] + [await enqueue(pool, "double", 1)]
    odd.__qualname__, mute.__qualname__ = "odd", "mute"
    worker = await burst(server.path, odd, mute, double)
    assert (worker.jobs_failed, await result(jobs[2])) == (2, 2)
    with server.client() as client:
        states = [client.hget(f"nbq:job:{job.job_id}", "state") for job in jobs]
    assert states == [b"failed", b"failed", b"succeeded"]


def _strew(server: Server) -> int:
    """Put what no client puts there into the queue; how many ids."""
    good: dict[str, Any] = {"t": None, "f": "double", "a": (1,), "k": {}, "et": 1_700_000_000_000}
    odd = {"f": ["double"], "a": 7, "k": None, "et": "soon", "t": "many"}
    records = {b"no-" + key.encode(): pickle.dumps({**good, key: value}) for key, value in odd.items()}
    records |= {b"no-args": pickle.dumps({**good, "a": 7}), b"far-time": pickle.dumps({**good, "et": 10**30})}
    records |= {b"garbage": b"\x80\x04garbage", b"no-dict": pickle.dumps([1, 2])}
    records |= {b"\xff\xfe": pickle.dumps(good), b"record": pickle.dumps(good)}
    with server.client() as client:
        for job_id, record in records.items():
            client.set(b"arq:job:" + job_id, record)
        client.lpush("arq:job:list", "x")
        client.hset("arq:retry:list", "a", "b")
        client.lpush("nbq:job:record", "x")
        client.zadd("arq:abort", {b"\xff\xff": 1})
        ids = [*records, b"list", b"ghost"]
        client.zadd("arq:queue", dict.fromkeys(ids, 1_700_000_000_000))
    return len(ids)


async def _stored(pool: ArqRedis, job_id: bytes) -> Any:
    return pickle.loads(await pool.get(b"arq:result:" + job_id))["r"]


def _engines(server: Server) -> int:
    with server.client() as client:
        return sum(1 for _ in client.scan_iter("nbq:engine:*"))
