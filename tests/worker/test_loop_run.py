"""How coroutine functions that run in the engine's own loop are stopped."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from nbqueue import inside
from nbqueue.broker import codec
from nbqueue.broker.claims import Claim
from nbqueue.errors import NbqueueError, NotSendable
from nbqueue.inside.pace import LoopTicker
from nbqueue.model.options import Options
from nbqueue.model.outcome import Raised, Returned, StopReason
from nbqueue.model.retry import RetryPolicy
from nbqueue.worker.attempt import Attempt
from nbqueue.worker.loop_run import LoopRun
from nbqueue.worker.verdict import Ended
from tests.children.listening import Heard
from tests.waiting import SLACK

#: of a checkpoint or a result
LIMIT_BYTES = 1_000


class Header(dict[str, Any]):
    """A header that can be watched."""


def started(
    function: Callable[..., Any], options: Options, *, by: str = "pickle"
) -> tuple[LoopRun, asyncio.Future[Ended]]:
    """A run of a coroutine function, and its end to come."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Ended] = loop.create_future()
    claim = Claim(
        job_id="job", fence=1, tries=0, losses=0, crashes=0, submitted_ms=0, due_ms=0, started_ms=0, group="",
        submission=b"", queue="default",
    )  # fmt: skip
    attempt = Attempt(
        claim=claim,
        header=Header(codec=by),
        payload=codec.dump_call("waits", (), {}) if by == "pickle" else b'{"args": [], "kwargs": {}}',
        options=options,
        name="waits",
    )
    run = LoopRun(attempt, Heard(), lambda _, end: ended.set_result(end), lambda _: None, limit_bytes=LIMIT_BYTES)
    run.start(function, LoopTicker(loop), None)
    return run, ended


async def test_a_cancelled_coroutine_has_what_was_ready() -> None:
    """The last checkpoint that was called partial is the answer of a run that hands back nothing itself."""
    begun = asyncio.Event()

    async def waits() -> None:
        inside.checkpoint(1)
        inside.checkpoint("an answer", partial=True)
        begun.set()
        await asyncio.sleep(60)

    run, ended = started(waits, Options())
    await begun.wait()
    run.stop("cancel")
    end = await asyncio.wait_for(ended, SLACK)
    assert (end.stopped_by, end.partial) == ("cancel", Returned(codec.dump_value("an answer")))


async def test_what_cannot_be_ready_is_refused_as_in_a_process() -> None:
    """What is too large, and what cannot travel, raises in the code that calls; what was ready before stays."""
    refused: list[str] = []

    async def keeps() -> None:
        inside.checkpoint("an answer", partial=True)
        for value, partial in ((bytes(LIMIT_BYTES), False), (bytes(LIMIT_BYTES), True), (threading.Lock(), True)):
            try:
                inside.checkpoint(value, partial=partial)
            except NbqueueError as error:
                refused.append(type(error).__name__)

    _, by_pickle = started(keeps, Options())
    assert (await by_pickle).partial == Returned(codec.dump_value("an answer"))
    assert refused == ["PayloadTooLarge", "PayloadTooLarge", "NotSendable"]


async def test_what_json_cannot_hold_is_told_as_such() -> None:
    """A partial answer and a result of a job whose call is JSON are refused with the sentence that a process gives."""
    told: list[str] = []

    async def returns() -> object:
        try:
            inside.checkpoint({1, 2}, partial=True)
        except NotSendable as error:
            told.append(str(error))
        return {1, 2}

    end = (await started(returns, Options(), by="json")[1]).end
    assert isinstance(end, Raised)
    assert [end.error.message, end.error.type] == [*told, "NotSendable"]


@pytest.mark.parametrize("reason", ["shutdown", "cancel"])
async def test_a_stop_counts_also_when_the_limit_is_near(reason: StopReason) -> None:
    """Code that was asked to stop before its limit, and goes on, is cancelled at once by a shutdown or a cancel."""
    asked = asyncio.Event()

    async def waits() -> None:
        inside.on_stop(asked.set)
        await asyncio.sleep(60)

    run, ended = started(waits, Options(timeout=40))
    run._ask_in_time()
    await asked.wait()
    run.stop(reason)
    end = await asyncio.wait_for(ended, SLACK)
    assert (end.stopped_by, end.over_limit) == (reason, False)


@pytest.mark.parametrize(
    ("reasons", "counts"),
    [
        (("shutdown", "timeout"), "shutdown"),
        (("timeout", "shutdown"), "timeout"),
        (("shutdown", "cancel"), "cancel"),
        (("cancel", "shutdown", "timeout"), "cancel"),
    ],
)
async def test_the_first_reason_counts_and_a_cancel_before_all(
    reasons: tuple[StopReason, ...], counts: StopReason
) -> None:
    """A job that its user cancels is not run again, and one that is stopped already is not stopped for less."""

    async def waits() -> None:
        await asyncio.sleep(60)

    run, ended = started(waits, Options())
    await asyncio.sleep(0)
    for reason in reasons:
        run.stop(reason)
    run._ask_in_time()
    assert (await asyncio.wait_for(ended, SLACK)).stopped_by == counts


@pytest.mark.parametrize("options", [Options(), Options(timeout=40)])
async def test_what_has_ended_is_let_go_at_once(options: Options) -> None:
    """The arguments of a job that ended do not wait in memory for the next search for cycles."""

    async def returns() -> None:
        """Do nothing."""

    run, ended = started(returns, options)
    header = weakref.ref(run.attempt.header)
    gc.disable()
    try:
        await ended
        del run
        await asyncio.sleep(0)
        assert header() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [GeneratorExit, SystemExit, KeyboardInterrupt])
async def test_whatever_is_raised_is_an_end(error: type[BaseException]) -> None:
    """Errors that stand apart from Exception end the job like any other."""

    async def raises() -> None:
        raise error("on purpose")

    _, ended = started(raises, Options())
    end = (await asyncio.wait_for(ended, SLACK)).end
    assert isinstance(end, Raised)
    assert end.error.type == error.__name__


async def test_a_task_that_others_cancel_is_an_end() -> None:
    """Code in the loop that cancels all tasks ends a job before its first step too."""

    async def waits() -> None:
        await asyncio.sleep(60)

    _, ended = started(waits, Options())
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    assert isinstance((await asyncio.wait_for(ended, SLACK)).end, Raised)


async def test_a_policys_own_function_is_asked_in_the_jobs_place() -> None:
    """It sees the job as the function does; its answer comes with the error."""
    seen: list[Any] = []

    def own(attempt: int, error: BaseException) -> float:
        job = inside.current_job()
        seen.append((attempt, str(error), job and job.id))
        return 7.0

    async def raises() -> None:
        raise ValueError("no")

    _, ended = started(raises, Options(retry=RetryPolicy(backoff=own)))
    end = (await asyncio.wait_for(ended, SLACK)).end
    assert isinstance(end, Raised)
    assert (end.error.type, end.error.backoff_s, end.error.final, seen) == (
        "ValueError",
        7.0,
        False,
        [(1, "no", "job")],
    )


async def test_a_policys_own_function_is_not_asked_after_a_stop() -> None:
    """A cancelled job is over, whatever it raises on its way."""

    async def waits() -> None:
        await asyncio.sleep(60)

    def own(_attempt: int, _error: BaseException) -> float:
        raise AssertionError("asked")

    run, ended = started(waits, Options(retry=RetryPolicy(backoff=own)))
    await asyncio.sleep(0)
    run.stop("cancel")
    end = (await asyncio.wait_for(ended, SLACK)).end
    assert isinstance(end, Raised)
    assert (end.error.type, end.error.final) == ("CancelledError", False)
