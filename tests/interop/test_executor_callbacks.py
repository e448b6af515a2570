"""The same suite, second half: callbacks, shutdown, event loops, workers and their initializer."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
)
from pathlib import Path

import pytest

from tests.interop import works
from tests.interop.executors import PATIENCE_S, Make
from tests.waiting import wait_until
from tests.workers import Ledger


def test_callbacks_are_called_once(executor: Executor, caplog: pytest.LogCaptureFixture) -> None:
    """Each callback gets the future once it is done; one that raises keeps no other from its turn."""
    told: list[tuple[str, object]] = []

    def wrong(_: Future[int]) -> None:
        raise ValueError("a callback")

    future = executor.submit(works.double, 21)
    with caplog.at_level(logging.ERROR, "concurrent.futures"):
        future.add_done_callback(wrong)
        future.add_done_callback(lambda each: told.append(("early", each.result(0))))
        future.result(PATIENCE_S)
        future.add_done_callback(lambda each: told.append(("late", each.result(0))))
        wait_until(lambda: len(told) == 2)
    assert sorted(told) == [("early", 42), ("late", 42)]
    assert [record.exc_info and str(record.exc_info[1]) for record in caplog.records] == ["a callback"]


def test_a_callback_may_submit(executor: Executor) -> None:
    """A callback hands the next call to the executor."""
    nexts: list[Future[int]] = []
    executor.submit(works.double, 2).add_done_callback(
        lambda each: nexts.append(executor.submit(works.double, each.result(0)))
    )
    wait_until(lambda: nexts)
    assert nexts[0].result(PATIENCE_S) == 8


def test_the_block_ends_when_all_is_done(make: Make) -> None:
    """Leaving `with` waits for what was submitted."""
    with make(max_workers=2) as executor:
        futures = [executor.submit(works.double, number) for number in range(5)]
    assert [future.done() for future in futures] == [True] * 5


def test_nothing_is_taken_after_shutdown(executor: Executor) -> None:
    """`submit` and `map` raise RuntimeError once the executor was shut down, which may be done again."""
    executor.shutdown()
    with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
        executor.submit(works.double, 1)
    with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
        executor.map(works.double, [1])
    executor.shutdown(wait=False)


def test_shutdown_need_not_wait(held: tuple[Executor, Future[str], Future[str]], gate: Path) -> None:
    """After `shutdown(wait=False)` what was submitted still runs, and its futures are still done."""
    executor, running, behind = held
    executor.shutdown(wait=False)
    assert (running.done(), behind.done()) == (False, False)
    gate.touch()
    assert (running.result(PATIENCE_S), behind.result(PATIENCE_S)) == ("first", "2")


def test_shutdown_can_cancel(held: tuple[Executor, Future[str], Future[str]], ledger: Ledger, gate: Path) -> None:
    """`shutdown(cancel_futures=True)` cancels what has not begun; what runs goes on."""
    executor, running, behind = held
    executor.shutdown(wait=False, cancel_futures=True)
    wait_until(behind.cancelled)
    gate.touch()
    assert (running.result(PATIENCE_S), behind.cancelled(), len(ledger.lines("ran", "2"))) == ("first", True, 0)


def test_an_event_loop_runs_calls_in_it(executor: Executor) -> None:
    """`loop.run_in_executor` and `asyncio.wrap_future` give results and errors in a loop."""

    async def main() -> tuple[int, int, list[int]]:
        loop = asyncio.get_running_loop()
        with pytest.raises(works.OwnError):
            await loop.run_in_executor(executor, works.fails, 1)
        one = await loop.run_in_executor(executor, works.double, 3)
        two = await asyncio.wrap_future(executor.submit(works.double, 4))
        return one, two, await asyncio.gather(*(loop.run_in_executor(executor, works.double, n) for n in range(3)))

    assert asyncio.run(main()) == (6, 8, [0, 2, 4])


def test_cancelling_in_a_loop_cancels_the_call(held: tuple[Executor, Future[str], Future[str]]) -> None:
    """A task of an event loop that is cancelled cancels the call that it waits for, which has not begun."""
    _, _, behind = held

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(behind), 0.05)

    asyncio.run(main())
    assert behind.cancelled()


def test_the_initializer_goes_first(make: Make) -> None:
    """The initializer is called once in each worker, before its first call."""
    with make(max_workers=1, initializer=works.begin, initargs=(f"{make}",)) as executor:
        found = [executor.submit(works.begun, None).result(PATIENCE_S).count(f"{make}") for _ in range(4)]
    assert found == [1] * 4


def test_an_initializer_that_fails_breaks_the_executor(make: Make) -> None:
    """Where the initializer raises, calls raise BrokenExecutor, and then nothing more is taken."""
    with make(max_workers=1, initializer=works.refuse) as executor:
        with pytest.raises(BrokenExecutor):
            executor.submit(works.double, 1).result(PATIENCE_S)
        with pytest.raises(BrokenExecutor):
            executor.submit(works.double, 1)


def test_an_initializer_is_a_callable(make: Make) -> None:
    """What is no callable is refused as an initializer."""
    with pytest.raises(TypeError, match=r"^initializer must be a callable$"):
        make(max_workers=1, initializer=3)


@pytest.mark.parametrize("count", [0, -1])
def test_there_is_at_least_one_worker(make: Make, count: int) -> None:
    """An executor without workers is refused."""
    with pytest.raises(ValueError, match=r"^max_workers must be greater than 0$"):
        make(max_workers=count)


def test_workers_are_no_more_than_asked_for(make: Make, ledger: Ledger, gate: Path) -> None:
    """With max_workers=1 calls run one after another, in their order."""
    gate.touch()
    with make(max_workers=1) as executor:
        list(executor.map(works.hold, [str(ledger.path)] * 3, "abc", [str(gate)] * 3))
    told = [f"{line.word} {line.name}" for line in ledger.lines()]
    assert told == ["begin a", "end a", "begin b", "end b", "begin c", "end c"]


def test_what_cannot_travel_is_told_by_the_future(make: Make, kind: str) -> None:
    """An argument or result that cannot be pickled is an error of its own call, and the executor goes on."""
    if kind == "threads":
        return
    with make(max_workers=1) as executor:
        sent = executor.submit(works.ident, works.lock(0)).exception(PATIENCE_S)
        given = executor.submit(works.lock, 0).exception(PATIENCE_S)
        assert (isinstance(sent, TypeError), isinstance(given, Exception)) == (True, True)
        assert executor.submit(works.double, 1).result(PATIENCE_S) == 2


def test_calls_begin_in_the_order_of_their_submits(make: Make, ledger: Ledger) -> None:
    """What was submitted first begins first."""
    with make(max_workers=1) as executor:
        for number in range(30):
            executor.submit(works.note, str(ledger.path), str(number))
    assert [line.name for line in ledger.lines("ran")] == [str(number) for number in range(30)]
