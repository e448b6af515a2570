"""Stopping runs: asked, interrupted, terminated, killed; cancels and time limits with code that resists."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from nbqueue import inside
from nbqueue.children.pool import Children, Run, RunEnd, Running
from nbqueue.model.outcome import Raised
from tests.children.listening import Heard, a_run, death_of, error_of, open_children, value_of
from tests.waiting import SLACK, until


@pytest.fixture
async def children(heard: Heard) -> AsyncIterator[Children]:
    """Children with one slot, warm."""
    async with open_children(heard, slots=1) as found:
        await found.begin(a_run(time.monotonic)).wait()
        yield found


async def started(children: Children, heard: Heard, run: Run) -> Running:
    """A run whose code has reported progress once."""
    running = children.begin(run)
    await until(lambda: heard.reports[run.job_id] or running.ended.done())
    return running


async def stopped(running: Running) -> tuple[RunEnd, float]:
    """How a run ended after a cancel, and how many seconds that took."""
    began = time.monotonic()
    running.stop("cancel")
    end = await asyncio.wait_for(running.wait(), 10)
    return end, time.monotonic() - began


def spins() -> None:
    """Run plain Python for ever."""
    inside.progress(1)
    while True:
        pass


def holds_the_interpreter() -> None:
    """Run native code that never lets go."""
    inside.progress(1)
    time.sleep(0.2)
    re.match(r"(a+)+$", "a" * 64 + "b")


def sums_for_ever() -> None:
    """Run native code that never lets go and never looks for signals."""
    inside.progress(1)
    time.sleep(0.2)
    sum(range(10**13))


async def burns(running: Running) -> None:
    """Wait until the code has had a processor for a while: no other sign of it can be had."""
    process = psutil.Process(running.pid)
    before_s = process.cpu_times().user
    await until(lambda: process.cpu_times().user > before_s + 0.2, timeout_s=10)


def sleeps() -> None:
    """Wait in a system call."""
    inside.progress(1)
    time.sleep(60)


def swallows_everything() -> None:
    """Resist every exception."""
    inside.progress(1)
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(60)


@pytest.mark.parametrize("fn", [spins, sleeps])
async def test_plain_python_is_interrupted_at_once(children: Children, heard: Heard, fn: Any) -> None:
    """A loop or a sleep ends with KeyboardInterrupt well within a second of the cancel."""
    running = await started(children, heard, a_run(fn))
    end, took_s = await stopped(running)
    assert error_of(end).startswith("KeyboardInterrupt")
    assert end.stopped_by == "cancel"
    assert took_s < 0.9 * SLACK


async def test_a_regex_that_holds_the_interpreter_ends_on_sigterm(children: Children, heard: Heard) -> None:
    """A regex lets no other thread run, but looks for signals: it ends after one second."""
    running = await started(children, heard, a_run(holds_the_interpreter))
    await burns(running)
    end, took_s = await stopped(running)
    assert isinstance(end.end, Raised)
    assert end.stopped_by == "cancel"
    assert 0.8 < took_s < 1.8 * SLACK


async def test_code_that_holds_the_interpreter_is_killed(children: Children, heard: Heard) -> None:
    """C code that never lets Python run and heeds no signal is killed after two seconds, and its process is gone."""
    running = await started(children, heard, a_run(sums_for_ever))
    await burns(running)
    end, took_s = await stopped(running)
    assert (death_of(end).signal, end.stopped_by, end.collateral) == (9, "cancel", False)
    assert 1.8 < took_s < 2.5 * SLACK
    assert running.pid is not None
    assert not psutil.pid_exists(running.pid)


async def test_code_that_swallows_everything_is_killed(children: Children, heard: Heard) -> None:
    """Catching KeyboardInterrupt and SystemExit does not help; the ladder's times are the run's own."""
    run = a_run(swallows_everything, terminate_after_s=0.2, kill_after_s=0.4)
    end, took_s = await stopped(await started(children, heard, run))
    assert death_of(end).signal == 9
    assert 0.3 < took_s < 1.0 * SLACK


async def test_cooperative_code_ends_in_its_own_way(children: Children, heard: Heard) -> None:
    """Code that asks `should_stop()` is not interrupted: it hands back what it has."""

    def improves() -> str:
        steps = 0
        while not inside.should_stop():
            time.sleep(0.01)
            inside.progress(steps := steps + 1)
        time.sleep(0.3)
        return f"best so far, stopped by {inside.stop_reason()}"

    end, _ = await stopped(await started(children, heard, a_run(improves)))
    assert value_of(end) == "best so far, stopped by cancel"
    assert end.stopped_by == "cancel"


async def test_on_stop_is_told_while_native_code_runs(children: Children, heard: Heard) -> None:
    """A function given to `on_stop()` is called from a thread, so that it can stop what the main thread waits for."""

    def solves() -> str:
        import threading

        told = threading.Event()
        inside.on_stop(told.set)
        inside.progress(1)
        told.wait(60)
        return "incumbent"

    end, took_s = await stopped(await started(children, heard, a_run(solves)))
    assert value_of(end) == "incumbent"
    assert took_s < 0.9 * SLACK


async def test_on_stop_fires_at_once_when_late(children: Children, heard: Heard) -> None:
    """A stop that came before the code listened is not lost."""

    def listens_late() -> list[str]:
        heard_of = []
        inside.should_stop()
        inside.progress(1)
        time.sleep(0.3)
        inside.on_stop(lambda: heard_of.append("late"))
        return heard_of

    end, _ = await stopped(await started(children, heard, a_run(listens_late)))
    assert value_of(end) == ["late"]


async def test_a_listener_that_raises_changes_nothing(children: Children, heard: Heard) -> None:
    """An error in a function given to `on_stop()` is logged; the others are called, the job ends as it would."""

    def listens() -> str:
        told: list[int] = []
        inside.on_stop(lambda: 1 / 0)
        inside.on_stop(lambda: told.append(1))
        inside.progress(1)
        while not told:
            time.sleep(0.01)
        time.sleep(0.1)
        return "well"

    run = a_run(listens)
    end, _ = await stopped(await started(children, heard, run))
    assert value_of(end) == "well"
    assert "ZeroDivisionError" in heard.logs[run.job_id]


async def test_a_stop_before_the_start_is_not_lost(children: Children) -> None:
    """A run that is stopped as soon as it is begun never calls its function for long."""
    running = children.begin(a_run(sleeps))
    end, took_s = await stopped(running)
    assert error_of(end).startswith("KeyboardInterrupt")
    assert took_s < 0.9 * SLACK


async def test_a_run_that_waits_for_a_slot_is_stopped_at_once(children: Children, heard: Heard) -> None:
    """A run without a process ends as a death without exit code and signal; who runs is untouched."""
    running = await started(children, heard, a_run(sleeps))
    end, took_s = await stopped(children.begin(a_run(sleeps)))
    assert (death_of(end).exit_code, death_of(end).signal, end.stopped_by) == (None, None, "cancel")
    assert took_s < 0.1 * SLACK
    assert not running.ended.done()


async def test_stopping_twice_is_stopping_once(children: Children, heard: Heard) -> None:
    """The second stop changes neither the reason nor the ladder, also after the end."""
    running = await started(children, heard, a_run(sleeps))
    running.stop("cancel")
    running.stop("shutdown")
    end = await running.wait()
    running.stop("shutdown")
    assert end.stopped_by == "cancel"


async def test_a_time_limit_holds_for_a_busy_loop(children: Children) -> None:
    """A loop in plain Python ends at its limit, counted from its start."""
    began = time.monotonic()
    end = await children.begin(a_run(spins, timeout_s=0.6, grace_s=0.15)).wait()
    assert error_of(end).startswith("KeyboardInterrupt")
    assert (end.stopped_by, end.over_limit) == ("timeout", True)
    assert 0.55 < time.monotonic() - began < 1.5 * SLACK


async def test_within_the_grace_code_is_only_asked(children: Children) -> None:
    """What cooperative code hands back before its limit is its result, stopped by the limit's grace."""

    def improves() -> tuple[str | None, float | None]:
        while not inside.should_stop():
            time.sleep(0.01)
        return inside.stop_reason(), inside.time_left()

    end = await children.begin(a_run(improves, timeout_s=2.4, grace_s=2.0)).wait()
    reason, left_s = value_of(end)
    assert 0 < left_s <= 2.0
    assert (reason, end.stopped_by, end.over_limit) == ("timeout", "timeout", False)


async def test_code_that_never_looks_may_use_its_grace(children: Children) -> None:
    """A run that ends by itself between the asking and its limit was not stopped by anything."""
    end = await children.begin(a_run(time.sleep, 0.3, timeout_s=3.0, grace_s=2.9)).wait()
    assert (value_of(end), end.stopped_by, end.over_limit) == (None, None, False)


async def test_the_group_goes_with_its_leader(children: Children, heard: Heard) -> None:
    """Processes that a killed job had started, in its group or not, are gone with it."""

    def starts_others() -> None:
        import subprocess

        inside.progress(1)
        pids = [subprocess.Popen(["sleep", "600"], start_new_session=alone).pid for alone in (False, True)]
        inside.report(pids=pids)
        swallows_everything()

    run = a_run(starts_others, terminate_after_s=0.1, kill_after_s=0.2)
    running = await started(children, heard, run)
    await until(lambda: "metrics" in heard.reports[run.job_id][-1])
    pids = heard.reports[run.job_id][-1]["metrics"]["pids"]
    await stopped(running)
    await until(lambda: not any(map(psutil.pid_exists, pids)), 1.0)


async def test_a_coroutine_is_cancelled_in_a_process_of_its_own(children: Children, heard: Heard) -> None:
    """A coroutine function that has a process to itself is cancelled like any task."""

    async def waits() -> str:
        inside.progress(1)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "tidied up"
        return "slept"

    end, took_s = await stopped(await started(children, heard, a_run(waits)))
    assert value_of(end) == "tidied up"
    assert took_s < 0.9 * SLACK
