"""Time limits of what comes before a run's code: imports, and arguments that are rebuilt."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from nbqueue.children import ladder
from tests.children.listening import Heard, a_run, open_children, value_of
from tests.waiting import until


class Slow:
    """Takes so many seconds to be rebuilt."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __reduce__(self) -> tuple[Any, ...]:
        """Sleep at the other end."""
        return time.sleep, (self._seconds,)


@pytest.mark.parametrize("run_in", ["process", "async", "thread"])
async def test_loading_has_a_limit_too(monkeypatch: pytest.MonkeyPatch, run_in: Any) -> None:
    """A run with a limit whose arguments take for ever to rebuild is stopped; its child was not even born before."""
    monkeypatch.setattr(ladder, "LOADING_S", 0.4)
    async with open_children(Heard(), slots=1) as children:
        run = a_run(bool, Slow(60), run_in=run_in, timeout_s=0.1, kill_after_s=1.0, terminate_after_s=0.5)
        end = await asyncio.wait_for(children.begin(run).wait(), 10)
    assert (end.stopped_by, end.over_limit) == ("timeout", True)


async def test_what_loads_in_time_has_its_whole_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts from the start of the code, however long its arguments took before."""
    monkeypatch.setattr(ladder, "LOADING_S", 0.5)
    async with open_children(Heard(), slots=1) as children:
        run = a_run(lambda _: time.sleep(1.0), Slow(1.2), timeout_s=1.6)
        end = await children.begin(run).wait()
    assert (value_of(end), end.over_limit) == (None, False)


async def blocks(begun: str, seconds: float) -> str:
    """Make a folder, and keep the loop from turning from the first step on."""
    os.mkdir(begun)  # noqa: PTH102 - it takes one step
    time.sleep(seconds)  # noqa: ASYNC251 - that is the fact under test
    return "blocked"


async def at_once() -> str:
    """End in its first step."""
    return "ran"


@pytest.mark.parametrize("together", [False, True])
async def test_waiting_behind_another_is_not_loading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, together: bool
) -> None:
    """A run in a child whose loop another one blocks for longer than the limits runs when that has ended."""
    monkeypatch.setattr(ladder, "LOADING_S", 0.4)
    begun = tmp_path / "begun"
    async with open_children(Heard()) as children:
        clogging = children.begin(a_run(blocks, str(begun), 2.0, run_in="async"))
        if not together:
            await until(begun.exists)
        behind = [children.begin(a_run(at_once, run_in="async", timeout_s=0.2)) for _ in range(3)]
        ends = [await running.wait() for running in (clogging, *behind)]
    assert [(value_of(end), end.over_limit) for end in ends] == [("blocked", False), *[("ran", False)] * 3]


async def test_after_the_wait_loading_has_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What waited behind another and then loads for ever is stopped, and the other had its time."""
    monkeypatch.setattr(ladder, "LOADING_S", 0.4)
    begun = tmp_path / "begun"
    async with open_children(Heard()) as children:
        clogging = children.begin(a_run(blocks, str(begun), 1.5, run_in="async"))
        await until(begun.exists)
        run = a_run(bool, Slow(60), run_in="async", timeout_s=0.1, kill_after_s=0.3, terminate_after_s=0.2)
        behind = children.begin(run)
        assert value_of(await clogging.wait()) == "blocked"
        end = await asyncio.wait_for(behind.wait(), 5)
    assert (end.stopped_by, end.over_limit) == ("timeout", True)
