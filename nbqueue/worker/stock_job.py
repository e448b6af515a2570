"""One attempt at a job of a stock arq client, with arq's own rules of what its end means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from arq.jobs import DeserializationError, SerializationError, deserialize_job_raw
from arq.utils import args_to_string, ms_to_datetime, truncate
from arq.worker import JobExecutionFailed, Retry, RetryJob

from nbqueue.broker.claims import Finish
from nbqueue.model.states import State
from nbqueue.worker.stock_record import Host, StockJob, again, ended, now_ms

logger = logging.getLogger("arq.worker")

#: a start that is later than this is told in the log
LATE_MS = 1200

Hook = Callable[[dict[Any, Any]], Awaitable[Any]] | None


async def attempt(worker: Host, job: StockJob) -> None:
    """Open and run a job; what its end means stands in `job.finish`."""
    refusal = _open(worker, job) or await _refusal(worker, job)
    if refusal is not None:
        worker.jobs_failed += 1
        job.end = ended(worker, job, success=False, result=refusal)
        return
    claim = job.claim
    job.ctx = {
        **worker.ctx, "job_id": claim.job_id, "job_try": job.job_try,
        "enqueue_time": ms_to_datetime(job.enqueue_time_ms), "score": claim.due_ms,
    }  # fmt: skip
    await call_hook(worker.on_job_start, job.ctx)
    job.end = await _run(worker, job, job.ctx)
    await call_hook(worker.on_job_end, job.ctx)


async def call_hook(hook: Hook, ctx: dict[Any, Any]) -> None:
    """Call a hook of the user's; its failure changes nothing about the job or the worker."""
    if hook is None:
        return
    try:
        await hook(ctx)
    except Exception:
        logger.exception("The hook %s failed; all else goes on.", getattr(hook, "__qualname__", hook))


def _open(worker: Host, job: StockJob) -> Exception | None:
    """Read the submission; the error that ends the job, if it cannot be read."""
    claim = job.claim
    if claim.submission is None:
        return _refused(job, JobExecutionFailed("job expired"), "job %s expired", claim.job_id)
    try:
        name, args, kwargs, asked_try, enqueued = deserialize_job_raw(
            claim.submission, deserializer=worker.job_deserializer
        )
        job.function_name, job.args, job.kwargs, job.enqueue_time_ms = _checked(name, args, kwargs, enqueued)
        if asked_try:
            job.job_try = max(job.job_try, int(asked_try) + job.job_try - 1)
    except (SerializationError, TypeError, ValueError, OverflowError) as error:
        logger.exception("deserializing job %s failed", claim.job_id, extra=job.told("ended", State.FAILED, error))
        return error if isinstance(error, SerializationError) else DeserializationError(str(error))
    return None


def _checked(name: Any, args: Any, kwargs: Any, enqueued: Any) -> tuple[str, tuple[Any, ...], dict[Any, Any], int]:
    """The parts of a submission, if they are what they should be; serializers turn tuples into lists."""
    if not isinstance(name, str) or not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise TypeError("A job needs the name of a function, a list of arguments and a dictionary of keywords.")
    ms_to_datetime(enqueued)
    return name, tuple(args), kwargs, int(enqueued)


async def _refusal(worker: Host, job: StockJob) -> BaseException | None:
    """Why a job that was read does not start, if it does not."""
    if await worker.is_aborted(job.claim.job_id):
        extra = job.told("ended", State.CANCELLED, stopped_by="cancel")
        logger.info("%6.2fs ⊘ %s aborted before start", job.waited_s, job.ref, extra=extra)
        return asyncio.CancelledError()
    job.function = worker.functions.get(job.function_name)
    if job.function is None:
        error = JobExecutionFailed(f"function {job.function_name!r} not found")
        return _refused(job, error, "job %s, function %r not found", job.claim.job_id, job.function_name)
    most = worker.max_tries if job.function.max_tries is None else job.function.max_tries
    if job.job_try > most:
        error = JobExecutionFailed(f"max {most} retries exceeded")
        return _refused(job, error, "%6.2fs ! %s max retries %d exceeded", job.waited_s, job.ref, most)
    return None


def _refused(job: StockJob, error: Exception, text: str, *facts: object) -> Exception:
    """The error that ends a job which does not start; the log tells it in arq's words."""
    logger.warning(text, *facts, extra=job.told("ended", State.FAILED, error))
    return error


async def _run(worker: Host, job: StockJob, ctx: dict[Any, Any]) -> Finish:
    """Run the coroutine under its time limit."""
    job.start_ms = now_ms()
    try:
        _log_start(worker, job)
        result = await _call(worker, job, ctx)
        shown = _shown(worker, result)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - a job that was cancelled has ended, and how is recorded
        return _raised(worker, job, error)
    if shown is not None:
        logger.info("%6.2fs ← %s ● %s", job.took_s, job.ref, shown, extra=job.told("ended", State.SUCCEEDED))
    worker.jobs_complete += 1
    return ended(worker, job, success=True, result=result)


def _shown(worker: Host, result: Any) -> str | None:
    """What the log shows of a result; None where it shows nothing. As in arq, a result that has no text is an error."""
    if not logger.isEnabledFor(logging.INFO):
        return None
    return "" if result is None or not worker.log_results else truncate(repr(result))


def _log_start(worker: Host, job: StockJob) -> None:
    if not logger.isEnabledFor(logging.INFO):
        return
    extra = f" try={job.job_try}" if job.job_try > 1 else ""
    if (late_ms := job.start_ms - job.claim.due_ms) > LATE_MS:
        extra += f" delayed={late_ms / 1000:0.2f}s"
    arguments = args_to_string(job.args, job.kwargs) if worker.log_arguments else "..."
    logger.info("%6.2fs → %s(%s)%s", job.waited_s, job.ref, arguments, extra, extra=job.told("started"))


async def _call(worker: Host, job: StockJob, ctx: dict[Any, Any]) -> Any:
    """Its coroutine's value. It runs in the attempt's own task, which is what an abort cancels."""
    job_id, function = job.claim.job_id, job.function
    task = asyncio.current_task()
    if task is not None:
        worker.job_tasks[job_id] = task
    try:
        async with asyncio.timeout(worker.job_timeout_s if function.timeout_s is None else function.timeout_s):
            return await function.coroutine(ctx, *job.args, **job.kwargs)
    except SystemExit as error:
        raise JobExecutionFailed(f"the job called sys.exit({error.code!r})") from error
    finally:
        worker.job_tasks.pop(job_id, None)


def _raised(worker: Host, job: StockJob, error: BaseException) -> Finish:
    """What an error means by arq's rules."""
    cancelled = isinstance(error, asyncio.CancelledError)
    if worker.retry_jobs and isinstance(error, Retry):
        delay_s = max(error.defer_score or 0, 0) / 1000
        extra = job.told("retried", again_in_s=delay_s)
        logger.info("%6.2fs ↻ %s retrying job in %0.2fs", job.took_s, job.ref, delay_s, extra=extra)
        worker.jobs_retried += 1
        return again(worker, job, delay_s)
    if cancelled and job.claim.job_id in worker.aborting_tasks:
        extra = job.told("ended", State.CANCELLED, stopped_by="cancel")
        logger.info("%6.2fs ⊘ %s aborted", job.took_s, job.ref, extra=extra)
    elif worker.retry_jobs and (cancelled or isinstance(error, RetryJob)):
        extra = job.told("retried", again_in_s=0.0, stopped_by="shutdown" if cancelled else "")
        logger.info("%6.2fs ↻ %s cancelled, will be run again", job.took_s, job.ref, extra=extra)
        worker.jobs_retried += 1
        return again(worker, job, 0.0)
    else:
        _log_failure(job, error)
    worker.jobs_failed += 1
    return ended(worker, job, success=False, result=error)


def _log_failure(job: StockJob, error: BaseException) -> None:
    try:
        extra = getattr(error, "extra", None)
        extra = extra() if callable(extra) else extra
        text = str(error)
    except Exception as second:  # noqa: BLE001 - an error that cannot be shown is still an error
        extra, text = None, f"(its text cannot be made: {second!r})"
    logger.error(
        "%6.2fs ! %s failed, %s: %s", job.took_s, job.ref, type(error).__name__, text, exc_info=error,
        extra={"extra": extra, **job.told("ended", State.FAILED, error)},
    )  # fmt: skip
