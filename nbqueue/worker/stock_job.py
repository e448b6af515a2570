"""One attempt at a job of a stock arq client, with arq's own rules of what its end means."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from arq.constants import keep_cronjob_progress
from arq.jobs import SerializationError, deserialize_job_raw, serialize_result
from arq.utils import args_to_string, ms_to_datetime, timestamp_ms, truncate
from arq.worker import JobExecutionFailed, Retry, RetryJob

from nbqueue.broker.claims import FOR_EVER, Claim, Finish
from nbqueue.model.states import State

logger = logging.getLogger("arq.worker")

@dataclass(slots=True)
class StockJob:
    """A claim of a stock job, as far as it is understood."""

    claim: Claim
    function_name: str = "<unknown>"
    args: tuple[Any, ...] = ()
    kwargs: dict[Any, Any] = None  # type: ignore[assignment]
    job_try: int = 1
    enqueue_time_ms: int = 0
    start_ms: int = 0

    @property
    def ref(self) -> str:
        """How arq's log lines name a job."""
        return f"{self.claim.job_id}:{self.function_name}"


async def attempt(worker: Any, claim: Claim) -> tuple[Finish, dict[Any, Any] | None]:
    """Run a stock job on a worker; what is to be recorded of it, and its context if it started."""
    job = StockJob(claim, kwargs={}, start_ms=timestamp_ms(), job_try=claim.tries + claim.losses + claim.crashes + 1)
    refused = await _open(worker, job)
    if refused is not None:
        worker.jobs_failed += 1
        return _ended(worker, job, _function(worker, job), success=False, result=refused), None
    function = worker.functions[job.function_name]
    ctx = {
        **worker.ctx, "job_id": claim.job_id, "job_try": job.job_try,
        "enqueue_time": ms_to_datetime(job.enqueue_time_ms), "score": claim.due_ms,
    }  # fmt: skip
    await call_hook(worker.on_job_start, ctx)
    finish = await _run(worker, job, function, ctx)
    await call_hook(worker.on_job_end, ctx)
    if hasattr(function, "next_run"):
        await worker.pool.set(worker.keys.tick(claim.job_id), b"1", ex=keep_cronjob_progress)
    return finish, ctx


async def _open(worker: Any, job: StockJob) -> BaseException | None:
    """Read the submission; the error that ends the job before it starts, if there is one."""
    claim = job.claim
    if claim.submission is None:
        logger.warning("job %s expired", claim.job_id)
        return JobExecutionFailed("job expired")
    try:
        name, args, kwargs, asked_try, enqueued = deserialize_job_raw(claim.submission, deserializer=worker.job_deserializer)
    except SerializationError as error:
        logger.exception("deserializing job %s failed", claim.job_id)
        return error
    job.function_name, job.args, job.kwargs, job.enqueue_time_ms = name, args, kwargs, enqueued
    if asked_try:
        job.job_try = max(job.job_try, asked_try + job.job_try - 1)
    if await worker.is_aborted(claim.job_id):
        logger.info("%6.2fs ⊘ %s aborted before start", (timestamp_ms() - enqueued) / 1000, job.ref)
        return asyncio.CancelledError()
    if name not in worker.functions:
        logger.warning("job %s, function %r not found", claim.job_id, name)
        return JobExecutionFailed(f"function {name!r} not found")
    function = worker.functions[name]
    most = worker.max_tries if function.max_tries is None else function.max_tries
    if job.job_try > most:
        logger.warning("%6.2fs ! %s max retries %d exceeded", (timestamp_ms() - enqueued) / 1000, job.ref, most)
        return JobExecutionFailed(f"max {most} retries exceeded")
    return None


async def _run(worker: Any, job: StockJob, function: Any, ctx: dict[Any, Any]) -> Finish:
    """Run the coroutine under its time limit."""
    job.start_ms = timestamp_ms()
    late = (job.start_ms - job.claim.due_ms) / 1000
    extra = (f" try={job.job_try}" if job.job_try > 1 else "") + (f" delayed={late:0.2f}s" if late > 1.2 else "")
    waited = (job.start_ms - job.enqueue_time_ms) / 1000
    try:
        logger.info("%6.2fs → %s(%s)%s", waited, job.ref, args_to_string(job.args, job.kwargs), extra)
        result = await _call(worker, job, function, ctx)
        shown = "" if result is None or not worker.log_results else truncate(repr(result))
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it raises is its result
        return _raised(worker, job, function, error)
    logger.info("%6.2fs ← %s ● %s", (timestamp_ms() - job.start_ms) / 1000, job.ref, shown)
    worker.jobs_complete += 1
    return _ended(worker, job, function, success=True, result=result)


async def _call(worker: Any, job: StockJob, function: Any, ctx: dict[Any, Any]) -> Any:
    job_id = job.claim.job_id
    timeout_s = worker.job_timeout_s if function.timeout_s is None else function.timeout_s
    task = asyncio.get_running_loop().create_task(function.coroutine(ctx, *job.args, **job.kwargs))
    worker.job_tasks[job_id] = task
    try:
        return await asyncio.wait_for(task, timeout_s)
    finally:
        del worker.job_tasks[job_id]


def _raised(worker: Any, job: StockJob, function: Any, error: BaseException) -> Finish:
    """What an error means by arq's rules."""
    claim, took = job.claim, (timestamp_ms() - job.start_ms) / 1000
    aborted = claim.job_id in worker.aborting_tasks and isinstance(error, asyncio.CancelledError)
    if worker.retry_jobs and isinstance(error, Retry):
        delay_s = (error.defer_score or 0) / 1000
        logger.info("%6.2fs ↻ %s retrying job in %0.2fs", took, job.ref, delay_s)
        worker.jobs_retried += 1
        state = State.SCHEDULED if delay_s else State.QUEUED
        return Finish(job_id=claim.job_id, fence=claim.fence, state=state, delay_s=delay_s, charge="try")
    if aborted:
        logger.info("%6.2fs ⊘ %s aborted", took, job.ref)
        worker.aborting_tasks.discard(claim.job_id)
    elif worker.retry_jobs and isinstance(error, asyncio.CancelledError | RetryJob):
        logger.info("%6.2fs ↻ %s cancelled, will be run again", took, job.ref)
        worker.jobs_retried += 1
        return Finish(job_id=claim.job_id, fence=claim.fence, state=State.QUEUED, charge="try")
    else:
        extra = getattr(error, "extra", None)
        logger.error(
            "%6.2fs ! %s failed, %s: %s", took, job.ref, type(error).__name__, error, exc_info=error,
            extra={"extra": extra() if callable(extra) else extra},
        )  # fmt: skip
    worker.jobs_failed += 1
    return _ended(worker, job, function, success=False, result=error)


def _ended(worker: Any, job: StockJob, function: Any, *, success: bool, result: Any) -> Finish:
    claim = job.claim
    for_ever = worker.keep_result_forever if function is None or function.keep_result_forever is None else function.keep_result_forever
    kept_s = worker.keep_result_s if function is None or function.keep_result_s is None else function.keep_result_s
    data = None
    if for_ever or kept_s > 0:
        data = serialize_result(
            job.function_name, job.args, job.kwargs, job.job_try, job.enqueue_time_ms, success, result, job.start_ms,
            timestamp_ms(), job.ref, worker.queue_name, claim.job_id, serializer=worker.job_serializer,
        )  # fmt: skip
    aborted = isinstance(result, asyncio.CancelledError) and not success
    state = State.SUCCEEDED if success else State.CANCELLED if aborted else State.FAILED
    return Finish(
        job_id=claim.job_id, fence=claim.fence, state=state, charge="try", result=data or b"",
        keep_s=FOR_EVER if for_ever else kept_s, error_type="" if success else type(result).__name__,
        error="" if success else str(result)[:500],
    )


def _function(worker: Any, job: StockJob) -> Any:
    return worker.functions.get(job.function_name)


async def call_hook(hook: Any, ctx: dict[Any, Any]) -> None:
    """Call a hook of the user's; its failure changes nothing about the job."""
    if hook is None:
        return
    try:
        await hook(ctx)
    except Exception:
        logger.exception("The hook %s failed; the job goes on.", getattr(hook, "__qualname__", hook))
