"""What code in a child knows and tells: itself, checkpoints, progress."""

import os
from typing import Any

import pytest

from nbqueue import inside
from nbqueue.broker import codec
from nbqueue.children.pool import Children
from nbqueue.inside import JobInfo
from tests.children.listening import Heard, a_run, death_of, error_of, open_children, value_of


async def test_a_job_knows_itself(children: Children) -> None:
    """`current_job()` tells id, attempt, function, queue, label, tags, group, processors and limit."""
    run = a_run(inside.current_job, attempt=2, queue="night", label="la16", tags=("a", "b"), group="g", cpus=2,
                timeout_s=60.0)  # fmt: skip
    assert value_of(await children.begin(run).wait()) == JobInfo(
        id=run.job_id, attempt=2, function="current_job", queue="night", label="la16", group="g", tags=("a", "b"),
        cpus=2, timeout_s=60.0,
    )  # fmt: skip


async def test_checkpoints_reach_the_next_attempt(children: Children, heard: Heard) -> None:
    """A checkpoint is out when `checkpoint()` returns, even if the process dies right after it."""

    def keeps_and_dies() -> None:
        inside.checkpoint({"best": 930})
        os._exit(1)

    first = a_run(keeps_and_dies)
    assert death_of(await children.begin(first).wait()).exit_code == 1
    [kept] = heard.checkpoints[first.job_id]
    assert codec.load_value(kept) == {"best": 930}
    again = a_run(inside.last_checkpoint, checkpoint=kept)
    assert value_of(await children.begin(again).wait()) == {"best": 930}


async def test_a_checkpoint_over_the_limit_is_refused(heard: Heard) -> None:
    """A checkpoint that is too large is an error where it is made."""
    async with open_children(heard, slots=1, result_limit_bytes=1_000_000) as children:
        end = await children.begin(a_run(inside.checkpoint, bytes(2_000_000))).wait()
        assert error_of(end).startswith("PayloadTooLarge: The checkpoint is 2.0 MB, and 1.0 MB are allowed")


async def test_a_listener_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An error in what takes the reports is logged; the job ends as it would."""

    class Raising(Heard):
        def progress(self, job_id: str, wire: dict[str, Any]) -> None:
            raise ValueError(job_id, wire)

    def reports() -> str:
        inside.progress(1)
        return "well"

    async with open_children(Raising(), slots=1) as children:
        assert value_of(await children.begin(a_run(reports)).wait()) == "well"
    assert "could not be passed on" in caplog.text


async def test_a_storm_of_reports_is_a_few(children: Children, heard: Heard) -> None:
    """Of thousands of reports a second at most ten a second arrive, the last always."""

    def storms() -> int:
        import time

        began, step = time.monotonic(), 0
        while time.monotonic() - began < 1:
            step += 1
            inside.progress(step)
        return step

    run = a_run(storms)
    steps = value_of(await children.begin(run).wait())
    assert steps > 10_000
    assert heard.reports[run.job_id][-1] == {"done": steps}
    assert 3 <= len(heard.reports[run.job_id]) <= 13
