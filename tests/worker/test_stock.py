"""Stock clients of arq and our worker: results, states, ids, times, and what becomes of errors."""

import asyncio
import json
import re
import signal
from datetime import UTC, datetime
from typing import Any

import arq.worker
import pytest
from arq import Retry
from arq.connections import ArqRedis
from arq.jobs import Job, JobResult, JobStatus, ResultNotFound
from arq.worker import JobExecutionFailed

from nbqueue.model.told import ATTRIBUTE
from tests.servers import Server
from tests.waiting import SLACK
from tests.worker.stocks import (
    Context,
    again,
    burst,
    counting,
    double,
    enqueue,
    fail,
    has_begun,
    make,
    named,
    pool_at,
    result,
    serving,
    told,
    wait,
)  # fmt: skip


async def test_a_result_comes_with_all_that_arq_tells_of_a_job(server: Server, pool: ArqRedis) -> None:
    """`result()` gives the value, `info()` the call, its times, its try and its queue."""
    before = datetime.now(UTC)
    job = await enqueue(pool, "double", 21)
    await burst(server.path, double)
    info = await job.info()
    assert isinstance(info, JobResult)
    assert await result(job) == 42
    assert (info.function, info.args, info.kwargs, info.job_try) == ("double", (21,), {}, 1)
    assert (info.success, info.result, info.queue_name, info.job_id) == (True, 42, "arq:queue", job.job_id)
    times = [before.replace(microsecond=0), info.enqueue_time, info.start_time, info.finish_time, datetime.now(UTC)]
    assert times == sorted(times)


async def test_status_is_right_at_each_moment(server: Server, pool: ArqRedis) -> None:
    """A stock client sees deferred, queued, in progress, complete and not found."""
    later = await enqueue(pool, "wait", _defer_by=60)
    first = await enqueue(pool, "wait")
    async with serving(server.path, wait, ctx=counting(), max_jobs=1) as worker:
        await has_begun(worker)
        second = await enqueue(pool, "wait")
        found = [await job.status() for job in (later, first, second, Job("nothing", pool))]
        assert found == [JobStatus.deferred, JobStatus.in_progress, JobStatus.queued, JobStatus.not_found]
        worker.ctx["go"].set()
        await result(second)
        assert [await first.status(), await later.status()] == [JobStatus.complete, JobStatus.deferred]


async def test_a_deferred_job_starts_at_its_time(server: Server, pool: ArqRedis) -> None:
    """It does not start before, and not much later, however rarely the worker polls."""
    async with serving(server.path, double, poll_delay=0.3):
        job = await enqueue(pool, "double", 1, _defer_by=0.5)
        await result(job)
    info = await job.result_info()
    assert info is not None
    assert 0.499 <= (info.start_time - info.enqueue_time).total_seconds() < 2 * SLACK


async def test_an_id_is_taken_while_its_job_or_result_is_there(server: Server, pool: ArqRedis) -> None:
    """As with arq, the same id is refused until its result is gone; then it runs anew."""
    await enqueue(pool, "double", 1, _job_id="one")
    assert await pool.enqueue_job("double", 2, _job_id="one") is None
    await burst(server.path, named(double, keep_result=0.2))
    assert await pool.enqueue_job("double", 3, _job_id="one") is None
    job = await told(lambda: pool.enqueue_job("double", 4, _job_id="one"))
    assert job is not None
    await burst(server.path, double)
    assert await result(job) == 8


async def test_a_worker_serves_its_own_queue_alone(server: Server, pool: ArqRedis) -> None:
    """Jobs of other queues stay where they are."""
    mine = await enqueue(pool, "double", 1, _queue_name="mine")
    other = await enqueue(pool, "double", 2)
    await burst(server.path, double, queue_name="mine")
    assert (await result(mine), await other.status()) == (2, JobStatus.queued)


async def test_a_job_that_waited_too_long_does_not_run(server: Server, pool: ArqRedis) -> None:
    """A job whose `_expires` has passed fails with arq's own error."""
    job = await enqueue(pool, "double", 1, _expires=0.02)
    await told(lambda: _is_gone(pool, f"arq:job:{job.job_id}"))
    await burst(server.path, double)
    with pytest.raises(JobExecutionFailed, match="job expired"):
        await result(job)


async def test_an_error_is_raised_where_the_result_is_awaited(server: Server, pool: ArqRedis) -> None:
    """A function's own error is not retried, and reaches the client as it was."""
    job = await enqueue(pool, "fail")
    worker = await burst(server.path, fail)
    with pytest.raises(ValueError, match="no such thing"):
        await result(job)
    assert (worker.jobs_complete, worker.jobs_failed, worker.jobs_retried) == (0, 1, 0)


async def test_sys_exit_in_a_job_ends_the_job_alone(server: Server, pool: ArqRedis) -> None:
    """A job that exits is a failure; the worker goes on."""

    async def leave(_: Context) -> None:
        raise SystemExit(3)

    job, next_job = await enqueue(pool, "leave"), await enqueue(pool, "double", 4)
    await burst(server.path, named(leave), double)
    with pytest.raises(JobExecutionFailed, match=r"sys\.exit\(3\)"):
        await result(job)
    assert await result(next_job) == 8


async def test_retry_asks_for_another_try(server: Server, pool: ArqRedis) -> None:
    """`Retry` runs the job again after its delay, and job_try counts."""
    job = await enqueue(pool, "again", 3)
    worker = await burst(server.path, again)
    assert (await result(job), worker.jobs_retried, worker.jobs_complete) == (3, 2, 1)


@pytest.mark.parametrize(
    ("options", "own", "most"), [({}, {}, 5), ({"max_tries": 2}, {}, 2), ({}, {"max_tries": 1}, 1)]
)
async def test_tries_end(
    server: Server, pool: ArqRedis, options: dict[str, int], own: dict[str, int], most: int
) -> None:
    """A job fails after the tries of its function or, without them, of its worker."""

    async def never(_: Context) -> None:
        raise Retry

    job = await enqueue(pool, "never")
    worker = await burst(server.path, named(never, **own), **options)
    with pytest.raises(JobExecutionFailed, match=f"max {most} retries exceeded"):
        await result(job)
    assert worker.jobs_retried == most


async def test_a_function_nobody_knows_fails_its_job(server: Server, pool: ArqRedis) -> None:
    """As with arq, such a job ends at once, with an error that names the function."""
    job = await enqueue(pool, "unknown")
    await burst(server.path, double)
    with pytest.raises(JobExecutionFailed, match="function 'unknown' not found"):
        await result(job)


@pytest.mark.parametrize(("options", "own"), [({"job_timeout": 0.1}, {}), ({}, {"timeout": 0.1})])
async def test_a_time_limit_ends_a_job(
    server: Server, pool: ArqRedis, options: dict[str, float], own: dict[str, float]
) -> None:
    """The limit of the function or, without one, of the worker."""
    job = await enqueue(pool, "wait")
    await burst(server.path, named(wait, **own), ctx=counting(), **options)
    with pytest.raises(TimeoutError):
        await result(job)


@pytest.mark.parametrize("function", [double, fail])
@pytest.mark.parametrize(
    ("options", "own", "lives"),
    [
        ({}, {}, range(3590, 3601)),
        ({"keep_result": 60}, {}, range(50, 61)),
        ({"keep_result": 60}, {"keep_result": 90}, range(80, 91)),
        ({"keep_result_forever": True}, {}, [-1]),
        ({}, {"keep_result_forever": True}, [-1]),
        ({}, {"keep_result": 0}, [-2]),
    ],
)
async def test_results_are_kept_as_long_as_asked(
    server: Server, pool: ArqRedis, *, function: Any, options: Any, own: Any, lives: Any
) -> None:
    """Successes and failures alike follow the function's wish, else the worker's; 0 keeps nothing."""
    job = await enqueue(pool, function.__name__, *((1,) if function is double else ()))
    await burst(server.path, named(function, **own), **options)
    assert await pool.ttl(f"arq:result:{job.job_id}") in lives
    await pool.delete(f"arq:result:{job.job_id}")


@pytest.mark.parametrize("options", [{"keep_result_forever": True}, {"keep_result": 60}])
async def test_jobs_that_never_started_leave_results_too(server: Server, pool: ArqRedis, options: Any) -> None:
    """A function nobody knows and an expired job end with results kept as asked; the worker lives."""
    jobs = [await enqueue(pool, "unknown"), await enqueue(pool, "double", 1)]
    await pool.delete(f"arq:job:{jobs[1].job_id}")
    worker = await burst(server.path, double, **options)
    lives = [await pool.ttl(f"arq:result:{job.job_id}") for job in jobs]
    await pool.delete(*(f"arq:result:{job.job_id}" for job in jobs))
    assert worker.jobs_failed == 2
    assert all(life == -1 if "keep_result_forever" in options else 55 <= life <= 60 for life in lives)


async def test_without_a_result_a_client_stops_waiting(server: Server, pool: ArqRedis) -> None:
    """A client that waits for a result which is not kept is told so."""
    async with serving(server.path, named(double, keep_result=0)):
        job = await enqueue(pool, "double", 1)
        with pytest.raises(ResultNotFound):
            await result(job)


async def test_other_serializers_are_used_throughout(server: Server) -> None:
    """With JSON, submission and result are JSON, and a list of arguments is taken as arguments."""
    how: dict[str, Any] = {"job_serializer": lambda value: json.dumps(value).encode(), "job_deserializer": json.loads}
    async with pool_at(server.path, **how) as pool:
        job = await enqueue(pool, "double", 21)
        await burst(server.path, double, **how)
        assert await result(job) == 42
        stored = await pool.get(f"arq:result:{job.job_id}")
        assert (json.loads(stored)["a"], json.loads(stored)["s"]) == ([21], True)


async def test_a_result_that_cannot_be_serialized_is_a_failure(server: Server, pool: ArqRedis) -> None:
    """The client is told in arq's words, and the worker goes on."""

    async def function(_: Context) -> Any:
        return lambda: None

    job = await enqueue(pool, "function")
    await burst(server.path, named(function))
    with pytest.raises(arq.jobs.SerializationError, match="unable to serialize result"):
        await result(job)


async def test_an_attempt_stands_in_the_history(server: Server, pool: ArqRedis) -> None:
    """Each attempt leaves one line with its function, its try and how it ended."""
    job = await enqueue(pool, "again", 2)
    await burst(server.path, again)
    entries = await pool.xrange("nbq:history:arq:queue")
    lines = [json.loads(line) for _, fields in entries for line in fields[b"records"].split(b"\n")]
    found = [(line["job"], line["function"], line["attempt"], line["state"]) for line in lines]
    assert found == [(job.job_id, "again", 1, "retried"), (job.job_id, "again", 2, "succeeded")]


async def test_a_stock_worker_and_ours_share_a_queue(server: Server, pool: ArqRedis) -> None:
    """While a service moves from arq's worker to ours, each job runs once."""
    ran: list[str] = []

    async def note(ctx: Context) -> None:
        ran.append(ctx["job_id"])
        await asyncio.sleep(0.01)

    function = named(note)
    old = arq.worker.Worker(
        [function], redis_settings=make(server.path, double).redis_settings, handle_signals=False, poll_delay=0.01
    )
    old_task = asyncio.create_task(old.async_run())
    try:
        async with serving(server.path, function, max_jobs=5):
            jobs = [await enqueue(pool, "note") for _ in range(150)]
            await asyncio.gather(*map(result, jobs))
    finally:
        await old.close()
        await asyncio.gather(old_task, return_exceptions=True)
    assert sorted(ran) == sorted(job.job_id for job in jobs)
    assert 0 < old.jobs_complete < 150


async def _is_gone(pool: ArqRedis, key: str) -> bool:
    return not await pool.exists(key)


async def test_arguments_are_in_the_log_where_they_are_asked_for(
    server: Server, pool: ArqRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """A line says which job it is, with the facts that every job's lines have; its end is told once."""
    with caplog.at_level("INFO", "arq.worker"):
        async with serving(server.path, double) as worker:
            await result(await enqueue(pool, "double", 77_777, _job_id="one"))
            worker.log_arguments = True
            await result(await enqueue(pool, "double", 88_888, _job_id="two"))
            worker.handle_sig(signal.SIGTERM)
    said = [re.sub(r"^ *\d+\.\d\ds ", "", record.getMessage()) for record in caplog.records]
    assert [line for line in said if line.startswith("→")] == ["→ one:double(...)", "→ two:double(88888)"]
    assert len([line for line in said if line.startswith("shutdown on")]) == 1
    facts = [getattr(record, ATTRIBUTE) for record in caplog.records if hasattr(record, ATTRIBUTE)]
    assert [(each.job, each.event, each.function, each.state) for each in facts[:2]] == [
        ("one", "started", "double", ""), ("one", "ended", "double", "succeeded"),
    ]  # fmt: skip
