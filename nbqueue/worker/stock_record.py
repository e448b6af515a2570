"""What is recorded of a stock job: its result as arq's clients read it, and a line of the history."""

from __future__ import annotations

import asyncio
import platform
import time
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from arq.jobs import serialize_result
from arq.worker import JobExecutionFailed

from nbqueue.broker.claims import FOR_EVER, Claim, Finish
from nbqueue.model import plain_json
from nbqueue.model.states import State
from nbqueue.model.told import JobFacts

#: characters of an error's text that stand in the record, and in a line of the log
ERROR_CHARS, TOLD_CHARS = 500, 300
#: the server takes no string of more than 512 MB
RESULT_LIMIT_BYTES = 500_000_000

_HOST = platform.node()
#: how arq names a function whose name it could not read
_UNKNOWN = "<unknown>"


def now_ms() -> int:
    """The time as arq writes it."""
    return int(time.time() * 1000)


class Host(Protocol):
    """What an attempt needs of its worker: arq's own attributes, as far as they are used."""

    functions: dict[str, Any]
    ctx: dict[Any, Any]
    job_tasks: dict[str, asyncio.Task[Any]]
    aborting_tasks: set[str]
    queue_name: str
    max_tries: int
    job_timeout_s: float
    keep_result_s: float
    keep_result_forever: bool
    retry_jobs: bool
    log_results: bool
    log_arguments: bool
    job_serializer: Any
    job_deserializer: Any
    on_job_start: Any
    on_job_end: Any
    jobs_complete: int
    jobs_failed: int
    jobs_retried: int
    engine_id: str

    async def is_aborted(self, job_id: str) -> bool:
        """Whether a client asked to abort a job that has not started."""


@dataclass(slots=True)
class StockJob:
    """A claim of a stock job, as far as it is understood, and what is to be recorded of it."""

    claim: Claim
    #: what is to be recorded, once that is known
    end: Finish | None = None
    #: arq's Function or CronJob
    function: Any = None
    function_name: str = _UNKNOWN
    args: tuple[Any, ...] = ()
    kwargs: dict[Any, Any] = field(default_factory=dict)
    job_try: int = 1
    enqueue_time_ms: int = 0
    start_ms: int = 0
    #: what its hooks and its code are given; None: it never started
    ctx: dict[Any, Any] | None = None

    @classmethod
    def of(cls, claim: Claim) -> StockJob:
        """The job of a claim that was not looked into yet. As in arq, every start counts as a try."""
        return cls(claim, job_try=claim.tries + claim.losses + claim.crashes + 1, start_ms=now_ms())

    @property
    def finish(self) -> Finish:
        """What is to be recorded; where nothing was decided, the job goes back to the queue uncharged."""
        return self.end or Finish(job_id=self.claim.job_id, fence=self.claim.fence, state=State.QUEUED)

    @property
    def is_cron(self) -> bool:
        """Whether it is a tick of arq's cron."""
        return hasattr(self.function, "next_run")

    @property
    def ref(self) -> str:
        """How arq's log lines name it."""
        return self.function_name if self.is_cron else f"{self.claim.job_id}:{self.function_name}"

    def told(
        self, event: Literal["started", "ended", "retried"], state: str = "", error: BaseException | None = None,
        *, again_in_s: float | None = None, stopped_by: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """What a log line says of it, for a log that programs read."""
        begins = event == "started"
        return JobFacts(
            event=event, job=self.claim.job_id, queue=self.claim.queue,
            function="" if self.function_name == _UNKNOWN else self.function_name,
            attempt=self.job_try, wait_s=round(max(self.start_ms - self.claim.due_ms, 0) / 1000, 3) if begins else None,
            run_s=None if begins or self.ctx is None else round(self.took_s, 3), state=state,
            again_in_s=None if again_in_s is None else round(again_in_s, 3), stopped_by=stopped_by,
            error_type="" if error is None else type(error).__name__, error=_text(error)[:TOLD_CHARS],
        ).extra()  # fmt: skip

    @property
    def waited_s(self) -> float:
        """Seconds since it was enqueued."""
        return (now_ms() - self.enqueue_time_ms) / 1000

    @property
    def took_s(self) -> float:
        """Seconds since it began."""
        return (now_ms() - self.start_ms) / 1000


def ended(worker: Host, job: StockJob, *, success: bool, result: Any) -> Finish:
    """The final state, with the result as arq's clients read it."""
    claim, kept_s = job.claim, _kept_s(worker, job.function)
    data = _result(worker, job, success=success, result=result) if kept_s else b""
    aborted = isinstance(result, asyncio.CancelledError) and not success
    state = State.SUCCEEDED if success else State.CANCELLED if aborted else State.FAILED
    error = None if success else result
    return Finish(
        job_id=claim.job_id, fence=claim.fence, state=state, charge="try", result=data, keep_s=kept_s,
        error_type=type(error).__name__ if error is not None else "", error=_text(error),
        record=_history_line(worker, job, state.value, len(data), error),
    )  # fmt: skip


def again(worker: Host, job: StockJob, delay_s: float) -> Finish:
    """Another attempt, after a while or at once."""
    state = State.SCHEDULED if delay_s else State.QUEUED
    return Finish(
        job_id=job.claim.job_id, fence=job.claim.fence, state=state, delay_s=delay_s, charge="try",
        record=_history_line(worker, job, "retried", 0, None),
    )  # fmt: skip


def failed(worker: Host, job: StockJob, error: Exception) -> Finish:
    """The end of a job that could not be handled at all."""
    return Finish(
        job_id=job.claim.job_id, fence=job.claim.fence, state=State.FAILED, charge="try",
        error_type=type(error).__name__, error=_text(error), record=_history_line(worker, job, "failed", 0, error),
    )  # fmt: skip


def _kept_s(worker: Host, function: Any) -> float:
    """How long the result is kept; the function's own wish comes first, for failures too."""
    for_ever = getattr(function, "keep_result_forever", None)
    if worker.keep_result_forever if for_ever is None else for_ever:
        return FOR_EVER
    kept_s = getattr(function, "keep_result_s", None)
    return max((worker.keep_result_s if kept_s is None else kept_s) or 0.0, 0.0)


def _result(worker: Host, job: StockJob, *, success: bool, result: Any) -> bytes:
    data = serialize_result(
        job.function_name, job.args, job.kwargs, job.job_try, job.enqueue_time_ms, success, result, job.start_ms,
        now_ms(), job.ref, worker.queue_name, job.claim.job_id, serializer=worker.job_serializer,
    ) or b""  # fmt: skip
    if len(data) <= RESULT_LIMIT_BYTES:
        return data
    if isinstance(result, JobExecutionFailed):
        return b""  # its arguments are as large
    error = JobExecutionFailed(f"the result has {len(data):,} bytes; {RESULT_LIMIT_BYTES:,} are allowed")
    return _result(worker, job, success=False, result=error)


def _text(error: BaseException | None) -> str:
    try:
        return "" if error is None else str(error)[:ERROR_CHARS]
    except Exception:  # noqa: BLE001 - an error that cannot be shown is still an error
        return ""


def _history_line(worker: Host, job: StockJob, state: str, result_bytes: int, error: BaseException | None) -> str:
    claim = job.claim
    found: dict[str, Any] = {
        "job": claim.job_id, "attempt": claim.fence, "state": state, "queue": claim.queue,
        "function": job.function_name, "submitted": claim.submitted_ms, "due": claim.due_ms,
        "started": claim.started_ms, "worker": worker.engine_id, "host": _HOST, "tries": job.job_try,
        "payload_bytes": len(claim.submission or b""), "result_bytes": result_bytes,
    }  # fmt: skip
    if error is not None:
        found["error_type"], found["error"] = type(error).__name__, _text(error)
    return plain_json.encode(found)
