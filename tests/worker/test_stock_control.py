"""Our worker as arq's users steer it: hooks, context, aborts, bursts, cron, health, an orderly end."""

import asyncio
import signal
from typing import Any

import pytest
from arq import cron
from arq.connections import ArqRedis
from arq.jobs import JobStatus
from arq.worker import FailedJobs, async_check_health, create_worker

from nbqueue.broker import jobs, scripts
from nbqueue.worker.stock_settings import load
from tests.servers import Server
from tests.waiting import until
from tests.worker.stocks import (
    Context,
    burst,
    counting,
    double,
    enqueue,
    fail,
    has_begun,
    make,
    named,
    result,
    serving,
    told,
    wait,
    where,
)  # fmt: skip

# context and hooks


async def test_a_job_is_given_arqs_context(server: Server, pool: ArqRedis) -> None:
    """The worker's own context, what startup put there, the pool, and the job's id, try, time and score."""
    seen: Context = {}

    async def look(ctx: Context) -> None:
        seen.update(ctx)

    async def begin(ctx: Context) -> None:
        ctx["from_startup"] = 1

    job = await enqueue(pool, "look")
    info = await job.info()
    worker = await burst(server.path, named(look), ctx={"own": 2}, on_startup=begin)
    assert info is not None
    assert (seen["own"], seen["from_startup"], seen["job_id"], seen["job_try"]) == (2, 1, job.job_id, 1)
    assert (seen["enqueue_time"], seen["score"], seen["redis"]) == (info.enqueue_time, info.score, worker.ctx["redis"])


async def test_hooks_run_in_arqs_order(server: Server, pool: ArqRedis) -> None:
    """Startup, start, end, after the result is recorded, shutdown."""
    calls: list[tuple[str, bool]] = []

    def hook(name: str) -> Any:
        async def call(_: Context) -> None:
            calls.append((name, bool(await pool.exists("arq:result:one"))))

        return call

    await enqueue(pool, "double", 1, _job_id="one")
    names = ("on_startup", "on_job_start", "on_job_end", "after_job_end", "on_shutdown")
    await burst(server.path, double, **{name: hook(name) for name in names})
    assert calls == [(name, name in ("after_job_end", "on_shutdown")) for name in names]


@pytest.mark.parametrize("name", ["on_job_start", "on_job_end", "after_job_end", "on_shutdown"])
async def test_a_failing_hook_harms_nothing(server: Server, pool: ArqRedis, name: str) -> None:
    """Jobs run and end as if the hook were not there, and the worker closes."""
    jobs = [await enqueue(pool, "double", number) for number in range(3)]
    worker = await burst(server.path, double, **{name: fail})
    assert ([await result(job) for job in jobs], worker.jobs_complete) == ([0, 2, 4], 3)


# aborts


async def test_a_running_job_is_aborted_and_starts_only_once(server: Server, pool: ArqRedis) -> None:
    """`abort()` gives True, and the job that arq's client then moves about in the queue is not claimed again."""
    async with serving(server.path, wait, ctx=counting(), allow_abort_jobs=True) as worker:
        job = await enqueue(pool, "wait")
        await has_begun(worker)
        assert await job.abort(timeout=5, poll_delay=0.01)
        assert await job.status() is JobStatus.complete
        assert (worker.ctx["starts"], worker.jobs_failed, await pool.zcard("arq:queue")) == ([job.job_id], 1, 0)


@pytest.mark.parametrize("defer_by", [0, 60])
async def test_a_waiting_job_is_aborted_before_it_starts(server: Server, pool: ArqRedis, defer_by: int) -> None:
    """A queued or deferred job that is aborted ends without having started."""
    job = await enqueue(pool, "wait", _defer_by=defer_by)
    with pytest.raises(TimeoutError):
        await job.abort(timeout=0)
    async with serving(server.path, wait, ctx=counting(), allow_abort_jobs=True) as worker:
        with pytest.raises(asyncio.CancelledError):
            await result(job)
        assert (worker.ctx["starts"], await pool.zcard("arq:abort")) == ([], 0)


async def test_without_leave_no_job_is_aborted(server: Server, pool: ArqRedis) -> None:
    """As with arq, aborts need `allow_abort_jobs`; the job runs on, once, and gives its value."""
    async with serving(server.path, wait, ctx=counting()) as worker:
        job = await enqueue(pool, "wait")
        await has_begun(worker)
        with pytest.raises(TimeoutError):
            await job.abort(timeout=0.2, poll_delay=0.02)
        worker.ctx["go"].set()
        assert (await result(job), worker.ctx["starts"]) == ("waited", [job.job_id])


async def test_an_abort_that_came_too_late_meets_no_later_job(server: Server, pool: ArqRedis) -> None:
    """The mark of an abort is gone with its job, or when its job is gone for a minute."""
    async with serving(
        server.path, named(double, keep_result=0), wait, ctx=counting(), allow_abort_jobs=True
    ) as worker:
        await pool.zadd("arq:abort", {"old": 1_000, "young": 4_000_000_000_000})
        await told(lambda: _marks(pool))
        job = await enqueue(pool, "wait", _job_id="old")
        await has_begun(worker)
        worker.ctx["go"].set()
        assert await result(job) == "waited"


async def test_our_own_cancel_reaches_a_stock_job(server: Server, pool: ArqRedis) -> None:
    """What our clients ask to stop ends as an aborted job does."""
    async with serving(server.path, wait, ctx=counting()) as worker:
        job = await enqueue(pool, "wait")
        await has_begun(worker)
        assert await scripts.run(pool, jobs.cancel(worker.keys, [job.job_id])) == ["asked"]
        with pytest.raises(asyncio.CancelledError):
            await result(job)


# bursts and settings


async def test_a_burst_ends_when_nothing_is_left(server: Server, pool: ArqRedis) -> None:
    """Jobs that jobs enqueue, and deferred ones, belong to it."""

    async def parent(ctx: Context) -> None:
        await ctx["redis"].enqueue_job("double", 1)
        await ctx["redis"].enqueue_job("double", 2, _defer_by=0.2)

    await enqueue(pool, "parent")
    worker = await burst(server.path, named(parent), double)
    assert (worker.jobs_complete, await pool.zcard("arq:queue")) == (3, 0)


@pytest.mark.parametrize("most", [0, 1, 7])
async def test_a_burst_starts_so_many_jobs_at_most(server: Server, pool: ArqRedis, most: int) -> None:
    """`max_burst_jobs` bounds the jobs that are started."""
    for number in range(10):
        await enqueue(pool, "double", number)
    worker = await burst(server.path, double, max_burst_jobs=most)
    assert (worker.jobs_complete, await pool.zcard("arq:queue")) == (most, 10 - most)


async def test_run_check_counts_or_raises(server: Server, pool: ArqRedis) -> None:
    """`run_check` gives the number of good jobs, or raises what failed."""
    await enqueue(pool, "double", 1)
    worker = make(server.path, double, fail, burst=True)
    assert await worker.run_check() == 1
    await enqueue(pool, "fail")
    with pytest.raises(FailedJobs, match=r"1 job failed ValueError\('no such thing'\)"):
        await worker.run_check()
    await worker.close()


async def test_no_more_jobs_run_at_once_than_allowed(server: Server, pool: ArqRedis) -> None:
    """`max_jobs` bounds the jobs that run, and the others wait as queued."""
    jobs = [await enqueue(pool, "wait") for _ in range(5)]
    async with serving(server.path, wait, ctx=counting(), max_jobs=2) as worker:
        await has_begun(worker, 2)
        states = [await job.status() for job in jobs]
        assert (states.count(JobStatus.in_progress), states.count(JobStatus.queued)) == (2, 3)
        worker.ctx["go"].set()
        assert await asyncio.gather(*map(result, jobs)) == ["waited"] * 5


async def test_a_settings_class_is_read_as_arq_reads_it(server: Server, pool: ArqRedis) -> None:
    """Every argument that arq takes from a class is taken, and nothing else of it."""

    class WorkerSettings:
        functions = (double,)
        redis_settings = where(server.path)
        burst, max_jobs, job_timeout, handle_signals = True, 3, 7, False
        something_else = 1

    globals()["WorkerSettings"] = WorkerSettings
    ours, theirs = load(f"{__name__}:WorkerSettings"), create_worker(dict(vars(WorkerSettings)))
    job = await enqueue(pool, "double", 21)
    await ours.async_run()
    await ours.close()
    assert await result(job) == 42
    assert (ours.max_jobs, ours.job_timeout_s) == (theirs.max_jobs, theirs.job_timeout_s) == (3, 7)


# cron and health


async def test_a_tick_of_cron_runs_once_on_many_workers(server: Server, pool: ArqRedis) -> None:
    """Two workers enqueue each tick; it runs once, and arq's key keeps stock workers from it too."""
    ran: list[str] = []

    async def tick(ctx: Context) -> None:
        ran.append(ctx["job_id"])

    every_second = set(range(60))
    options = {"cron_jobs": [cron(tick, second=every_second, microsecond=0)]}
    async with serving(server.path, **options), serving(server.path, **options):
        await until(lambda: len(ran) >= 3)
    assert len(set(ran)) == len(ran)
    assert await pool.ttl(f"arq:in-progress:{ran[0]}") > 0


async def test_a_late_worker_does_not_repeat_a_tick(server: Server, pool: ArqRedis) -> None:
    """The same tick, enqueued again after it ran, is dropped."""
    ran: list[str] = []

    async def tick(ctx: Context) -> None:
        ran.append(ctx["job_id"])

    options: dict[str, Any] = {"cron_jobs": [cron(tick, hour=1, run_at_startup=True)]}
    await burst(server.path, double, **options)
    await enqueue(pool, "cron:tick", _job_id=ran[0])
    await burst(server.path, double, cron_jobs=[cron(tick, hour=1)])
    assert len(ran) == 1


async def test_the_health_key_says_how_the_worker_is(server: Server, pool: ArqRedis) -> None:
    """While the worker runs the check passes; after it closed, it fails."""
    settings = where(server.path)
    async with serving(server.path, double, health_check_interval=0.05):
        await result(await enqueue(pool, "double", 1))
        text = await told(lambda: _health(pool, "j_complete=1 j_failed=0 j_retried=0 j_ongoing=0 queued=0"))
        assert (text, await async_check_health(settings)) == (True, 0)
    assert await async_check_health(settings) == 1


# the end


async def test_a_worker_that_closes_gives_its_jobs_back(server: Server, pool: ArqRedis) -> None:
    """They are queued again at once, and count as one more try, as with arq."""
    job = await enqueue(pool, "wait")
    async with serving(server.path, wait, ctx=counting()) as first:
        await has_begun(first)
    assert (await job.status(), await pool.zcard("nbq:leases")) == (JobStatus.queued, 0)
    async with serving(server.path, wait, ctx=counting()) as second:
        await has_begun(second)
        second.ctx["go"].set()
        assert await result(job) == "waited"
    info = await job.result_info()
    assert info is not None
    assert info.job_try == 2


async def test_running_jobs_get_the_time_they_were_promised(server: Server, pool: ArqRedis) -> None:
    """With `job_completion_wait` a signal lets running jobs end, and nothing new begins."""
    async with serving(server.path, wait, ctx=counting(), max_jobs=1, job_completion_wait=10) as worker:
        first = await enqueue(pool, "wait")
        await has_begun(worker)
        second = await enqueue(pool, "wait")
        worker.handle_sig_wait_for_completion(signal.SIGTERM)
        worker.ctx["go"].set()
        assert await result(first) == "waited"
        await until(lambda: worker.main_task is not None and worker.main_task.done())
        assert (await second.status(), worker.jobs_complete) == (JobStatus.queued, 1)


async def _marks(pool: ArqRedis) -> bool:
    return not await pool.exists("arq:abort")


async def _health(pool: ArqRedis, text: str) -> bool:
    found: bytes = await pool.get("arq:queue:health-check") or b""
    return text in found.decode()
