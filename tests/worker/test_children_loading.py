"""Time limits of what comes before a run's code: imports, and arguments that are rebuilt."""

import asyncio
import time
from typing import Any

import pytest

from nbqueue.worker import ladder
from tests.worker.listening import Heard, a_run, open_children, value_of


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
    monkeypatch.setattr(ladder, "LOADING_S", 0.4)
    async with open_children(Heard(), slots=1) as children:
        quick = await children.begin(a_run(time.sleep, 0.4, timeout_s=0.6)).wait()
        run = a_run(lambda _: time.sleep(0.5), Slow(0.7), timeout_s=0.6)
        slow = await children.begin(run).wait()
    assert [(value_of(end), end.over_limit) for end in (quick, slow)] == [(None, False)] * 2
