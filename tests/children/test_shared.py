"""What coroutines in one child have in common: its native output and its memory."""
# ruff: noqa: T201 - what is printed is what is tested

import asyncio
import os

import pytest

from nbqueue import inside
from nbqueue.children.pool import Children, Run
from tests.children.listening import Heard, a_run, value_of
from tests.waiting import until


async def stays(size: int) -> int:
    """Hold so many bytes until asked to stop; then write past Python."""
    kept = b"x" * size
    inside.progress(1)
    print("mine")
    while not inside.should_stop():  # noqa: ASYNC110 - that is how a job asks
        await asyncio.sleep(0.01)
    os.write(1, b"native\n")
    return len(kept)


async def process_id() -> int:
    """The process it runs in."""
    return os.getpid()


def patient(size: int) -> Run:
    """A run that is given all the time it wants to stop."""
    return a_run(stays, size, run_in="async", terminate_after_s=30.0, kill_after_s=40.0)


async def test_native_output_of_many_is_the_workers(
    children: Children, heard: Heard, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where several run nobody can tell whose it is: it goes to the worker's log; of the last one it is its own."""
    runs = [patient(1), patient(1)]
    running = [children.begin(run) for run in runs]
    await until(lambda: all(heard.reports[run.job_id] for run in runs))
    running[0].stop("cancel")
    assert value_of(await running[0].wait()) == 1
    said = ""
    while said != "native\n":
        said += capsys.readouterr().err
        await asyncio.sleep(0.01)
    running[1].stop("cancel")
    assert value_of(await running[1].wait()) == 1
    assert [heard.logs[run.job_id] for run in runs] == ["mine\n", "mine\nnative\n"]


async def test_a_large_child_is_replaced_only_when_it_is_empty(children: Children, heard: Heard) -> None:
    """One that grew over a gigabyte takes no more runs, and lets those that it has come to their own end."""
    sizes = (1_100_000_000, 1)
    runs = [patient(size) for size in sizes]
    staying = [children.begin(run) for run in runs]
    await until(lambda: all(heard.reports[run.job_id] for run in runs), 20)
    found = [value_of(await children.begin(a_run(process_id, run_in="async")).wait()) for _ in range(1_000)]
    assert found[0] == staying[0].pid == staying[1].pid
    assert found[-1] != staying[0].pid
    for running, size in zip(staying, sizes, strict=True):
        running.stop("cancel")
        assert value_of(await asyncio.wait_for(running.wait(), 10)) == size
