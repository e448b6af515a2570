"""How coroutine functions that run in the engine's own loop are stopped."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nbqueue import inside
from nbqueue.broker import codec
from nbqueue.broker.claims import Claim
from nbqueue.inside.pace import LoopTicker
from nbqueue.model.options import Options
from nbqueue.model.outcome import StopReason
from nbqueue.worker.attempt import Attempt
from nbqueue.worker.loop_run import LoopRun
from nbqueue.worker.verdict import Ended
from tests.children.listening import Heard


def started(function: Callable[..., Any], options: Options) -> tuple[LoopRun, asyncio.Future[Ended]]:
    """A run of a coroutine function, and its end to come."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Ended] = loop.create_future()
    claim = Claim(
        job_id="job", fence=1, tries=0, losses=0, crashes=0, submitted_ms=0, due_ms=0, started_ms=0, group="",
        submission=b"", queue="default",
    )  # fmt: skip
    attempt = Attempt(
        claim=claim, header={"codec": "pickle"}, payload=codec.dump_call("waits", (), {}), options=options, name="waits"
    )
    run = LoopRun(attempt, Heard(), lambda _, end: ended.set_result(end), lambda _: None)
    run.start(function, LoopTicker(loop), None)
    return run, ended


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
    end = await asyncio.wait_for(ended, 1)
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
    assert (await asyncio.wait_for(ended, 1)).stopped_by == counts
