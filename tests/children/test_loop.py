"""Many runs in one child: coroutines in its loop, functions in threads; each is stopped without the others."""
# ruff: noqa: T201 - what is printed is what is tested

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from nbqueue import inside
from nbqueue.children.pool import Children
from tests.children.listening import Heard, a_run, death_of, error_of, open_children, value_of
from tests.waiting import SLACK, until


@pytest.fixture
async def children(heard: Heard) -> AsyncIterator[Children]:
    """Children whose loop child is warm."""
    async with open_children(heard, slots=1, loop_slots=50) as found:
        await found.begin(a_run(process_id, run_in="async")).wait()
        yield found


async def process_id() -> int:
    """The process it runs in."""
    return os.getpid()


async def waits() -> str:
    """Report and wait for long."""
    inside.progress(1)
    await asyncio.sleep(60)
    return "slept"


async def swallows() -> None:
    """Resist its cancelling."""
    inside.progress(1)
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("not me")


async def test_coroutines_share_a_process(children: Children) -> None:
    """Many coroutines run at once in one child."""

    async def meets(seconds: float) -> int:
        await asyncio.sleep(seconds)
        return os.getpid()

    began = time.monotonic()
    runs = [children.begin(a_run(meets, 0.3, run_in="async")) for _ in range(50)]
    assert len({value_of(await running.wait()) for running in runs}) == 1
    assert time.monotonic() - began < 2 * SLACK


async def test_more_coroutines_than_slots_wait(heard: Heard) -> None:
    """Beyond `loop_slots` runs wait for one to end."""
    async with open_children(heard, loop_slots=2) as children:
        runs = [children.begin(a_run(process_id, run_in="async")) for _ in range(20)]
        assert len({value_of(await running.wait()) for running in runs}) == 1


async def test_a_cancelled_coroutine_leaves_the_others_alone(children: Children, heard: Heard) -> None:
    """Stopping one task ends it at once; its neighbour goes on."""
    stopped, neighbour = (a_run(waits, run_in="async") for _ in range(2))
    runs = [children.begin(run) for run in (stopped, neighbour)]
    await until(lambda: heard.reports[stopped.job_id] and heard.reports[neighbour.job_id])
    runs[0].stop("cancel")
    end = await asyncio.wait_for(runs[0].wait(), SLACK)
    assert error_of(end) == "CancelledError: "
    assert end.stopped_by == "cancel"
    assert not runs[1].ended.done()


async def test_a_coroutine_stopped_before_its_first_step_ends(children: Children) -> None:
    """A stop that overtakes the start is not lost."""
    running = children.begin(a_run(waits, run_in="async"))
    running.stop("cancel")
    assert error_of(await asyncio.wait_for(running.wait(), SLACK)).startswith("CancelledError")


async def test_a_coroutine_that_resists_is_killed_and_its_neighbour_uncharged(children: Children, heard: Heard) -> None:
    """Its child is killed; the other runs in it end as collateral, and new ones find a new child."""
    resisting = a_run(swallows, run_in="async", terminate_after_s=0.1, kill_after_s=0.3)
    neighbour = a_run(waits, run_in="async")
    runs = [children.begin(run) for run in (resisting, neighbour)]
    await until(lambda: heard.reports[resisting.job_id] and heard.reports[neighbour.job_id])
    runs[0].stop("cancel")
    ends = [await asyncio.wait_for(running.wait(), 3 * SLACK) for running in runs]
    assert [(death_of(end).signal, end.collateral, end.stopped_by) for end in ends] == [
        (9, False, "cancel"),
        (9, True, None),
    ]
    assert "not me" in heard.logs[resisting.job_id]
    assert value_of(await children.begin(a_run(process_id, run_in="async")).wait()) != runs[0].pid


async def test_a_coroutine_that_never_yields_is_killed_at_its_limit(children: Children) -> None:
    """A time limit holds for code that blocks the loop it runs in."""

    async def blocks() -> None:
        time.sleep(60)  # noqa: ASYNC251 - that is the fact under test

    run = a_run(blocks, run_in="async", timeout_s=0.3, terminate_after_s=0.1, kill_after_s=0.2)
    end = await asyncio.wait_for(children.begin(run).wait(), 3 * SLACK)
    assert (death_of(end).signal, end.stopped_by, end.over_limit) == (9, "timeout", True)


async def test_a_blocked_loop_does_not_hold_up_new_runs(children: Children) -> None:
    """When a loop child takes no runs, new ones get another."""

    async def blocks() -> None:
        time.sleep(60)  # noqa: ASYNC251 - that is the fact under test

    blocking = children.begin(a_run(blocks, run_in="async", kill_after_s=0.1))
    await asyncio.sleep(0.1)
    held_up = children.begin(a_run(process_id, run_in="async"))
    await asyncio.sleep(0.7)
    later = children.begin(a_run(process_id, run_in="async"))
    assert value_of(await asyncio.wait_for(later.wait(), 2 * SLACK)) != blocking.pid
    assert not held_up.ended.done()
    blocking.stop("cancel")
    assert value_of(await asyncio.wait_for(held_up.wait(), 3 * SLACK)) != blocking.pid


async def test_a_crash_of_many_names_how_many(children: Children, heard: Heard) -> None:
    """Where several runs die in one crash none of them is known to be guilty: the number of the others is told."""

    async def crashes() -> None:
        os._exit(7)

    neighbour = a_run(waits, run_in="async")
    runs = [children.begin(neighbour)]
    await until(lambda: heard.reports[neighbour.job_id])
    runs.append(children.begin(a_run(crashes, run_in="async")))
    ends = [await asyncio.wait_for(running.wait(), 3 * SLACK) for running in runs]
    assert [(death_of(end).exit_code, end.collateral, end.neighbours) for end in ends] == [(7, False, 1)] * 2


async def test_a_coroutine_may_have_a_process_to_itself(children: Children) -> None:
    """With isolation "fresh" a coroutine's crash is its own alone."""

    async def crashes() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    end = await children.begin(a_run(crashes, run_in="async", isolation="fresh")).wait()
    assert (death_of(end).signal, end.neighbours) == (9, 0)
    shared = [value_of(await children.begin(a_run(process_id, run_in="async")).wait()) for _ in range(2)]
    alone = value_of(await children.begin(a_run(process_id, run_in="async", isolation="fresh")).wait())
    assert shared[0] == shared[1] != alone


async def test_prints_and_logging_belong_to_their_coroutine(children: Children, heard: Heard) -> None:
    """What tasks print and log at the same time is told apart, helper threads of `to_thread` included."""

    async def talks(name: str) -> None:
        for step in range(3):
            print(name, step)
            await asyncio.sleep(0.01)
        logging.getLogger("solver").info("log of %s", name)
        await asyncio.to_thread(print, "thread of", name)

    runs = [a_run(talks, name, run_in="async") for name in "ab"]
    for running in [children.begin(run) for run in runs]:
        value_of(await running.wait())
    assert [heard.logs[run.job_id] for run in runs] == [
        f"{name} 0\n{name} 1\n{name} 2\nINFO solver: log of {name}\nthread of {name}\n" for name in "ab"
    ]


async def test_native_output_belongs_to_who_runs_alone(children: Children, heard: Heard) -> None:
    """What one coroutine's native code writes is its own where no other runs."""

    async def writes() -> None:
        os.write(1, b"native\n")

    run = a_run(writes, run_in="async")
    await children.begin(run).wait()
    assert heard.logs[run.job_id] == "native\n"


async def test_tasks_left_by_a_coroutine_end_with_it(children: Children, heard: Heard) -> None:
    """A task that a job started and did not wait for is cancelled at its end, as `asyncio.run` does."""

    async def leaves_a_task() -> None:
        async def goes_on() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                print("cancelled")

        leaves_a_task.kept = asyncio.create_task(goes_on())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    run = a_run(leaves_a_task, run_in="async")
    value_of(await asyncio.wait_for(children.begin(run).wait(), 3 * SLACK))
    assert heard.logs[run.job_id] == "cancelled\n"


async def test_functions_run_in_threads_of_a_process_apart(children: Children) -> None:
    """With run_in "thread" many functions run at once, in one child that is not the coroutines'."""

    def meets() -> int:
        time.sleep(0.3)
        return os.getpid()

    began = time.monotonic()
    runs = [children.begin(a_run(meets, run_in="thread")) for _ in range(10)]
    pids = {value_of(await running.wait()) for running in runs}
    assert len(pids) == 1
    assert time.monotonic() - began < 2 * SLACK
    assert value_of(await children.begin(a_run(process_id, run_in="async")).wait()) not in pids


async def test_a_thread_is_interrupted_between_python_steps(children: Children, heard: Heard) -> None:
    """A loop in a thread ends with KeyboardInterrupt; its neighbours go on."""

    def spins() -> None:
        inside.progress(1)
        while True:
            time.sleep(0.01)

    run = a_run(spins, run_in="thread")
    running = children.begin(run)
    await until(lambda: heard.reports[run.job_id])
    running.stop("cancel")
    assert error_of(await asyncio.wait_for(running.wait(), SLACK)).startswith("KeyboardInterrupt")


async def test_a_thread_that_resists_goes_with_its_child(children: Children, heard: Heard) -> None:
    """A thread in native code cannot be stopped: its child is killed, as for a coroutine."""

    def sleeps() -> None:
        inside.progress(1)
        time.sleep(60)

    run = a_run(sleeps, run_in="thread", terminate_after_s=0.1, kill_after_s=0.2)
    running = children.begin(run)
    await until(lambda: heard.reports[run.job_id])
    running.stop("cancel")
    assert death_of(await asyncio.wait_for(running.wait(), 2 * SLACK)).signal == 9
