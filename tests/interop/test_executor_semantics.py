"""One suite for the executors of the standard library and ours: the same calls, the same outcomes."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from functools import partial
from pathlib import Path

import pytest

from nbqueue.executor import Executor as JobExecutor
from tests.interop import works
from tests.waiting import SLACK, wait_until
from tests.workers import Ledger

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.interop.works"])
Make = Callable[..., Executor]
KINDS: dict[str, Make] = {
    "threads": ThreadPoolExecutor,
    "processes": partial(ProcessPoolExecutor, mp_context=FORKSERVER),
    "jobs": JobExecutor,
}
PATIENCE_S = 20 * SLACK


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Which executor it is."""
    return str(request.param)


@pytest.fixture
def make(kind: str) -> Make:
    """Makes an executor."""
    return KINDS[kind]


@pytest.fixture
def executor(make: Make) -> Iterator[Executor]:
    """An executor with two workers."""
    with make(max_workers=2) as executor:
        yield executor


@pytest.fixture
def held(make: Make, ledger: Ledger, gate: Path) -> Iterator[tuple[Executor, Future[str], Future[str]]]:
    """An executor with one worker, a call that runs until the gate is there, and one that waits behind it.

    A pool of processes takes calls ahead of time: the one that waits is the third behind it.
    """
    with make(max_workers=1) as executor:
        running = executor.submit(works.hold, str(ledger.path), "first", str(gate))
        ledger.wait("begin", "first")
        behind = [executor.submit(works.note, str(ledger.path), f"{number}") for number in range(3)]
        try:
            yield executor, running, behind[-1]
        finally:
            gate.touch()


def test_a_call_gives_its_result(executor: Executor) -> None:
    """A future is done with what the function gave."""
    future = executor.submit(works.power, 3, exponent=3)
    assert (future.result(PATIENCE_S), future.exception(), future.done(), future.cancelled()) == (27, None, True, False)


def test_an_error_is_the_functions_own(executor: Executor) -> None:
    """A future raises the very error of the function, with all that it holds."""
    error = executor.submit(works.fails, 7).exception(PATIENCE_S)
    assert (type(error), error and error.args, getattr(error, "code", 0)) == (works.OwnError, ("not today", 7), 7)
    with pytest.raises(works.OwnError, match="not today"):
        executor.submit(works.fails, 7).result(PATIENCE_S)


def test_the_traceback_of_elsewhere_is_the_cause(make: Make, kind: str) -> None:
    """An error that came from another process has the lines that it was raised in as its cause."""
    if kind == "threads":
        return
    with make(max_workers=1) as executor:
        error = executor.submit(works.fails, 7).exception(PATIENCE_S)
    assert error is not None
    assert 'raise OwnError("not today", code)' in str(error.__cause__)


def test_map_gives_results_in_order(executor: Executor) -> None:
    """`map` pairs its iterables as the builtin does, and keeps the order."""
    assert list(executor.map(works.power, [1, 2, 3], iter([3, 2, 1, 0]))) == [1, 4, 3]


def test_map_takes_no_items(executor: Executor) -> None:
    """Over nothing `map` gives nothing."""
    assert list(executor.map(works.double, [])) == []


@pytest.mark.parametrize("chunksize", [1, 3, 100])
def test_map_takes_items_in_chunks(executor: Executor, chunksize: int) -> None:
    """Chunks change nothing in what `map` gives."""
    assert list(executor.map(works.double, range(10), chunksize=chunksize)) == [2 * each for each in range(10)]


def test_an_error_of_map_comes_in_its_turn(executor: Executor) -> None:
    """`map` gives what was before the error, then raises it."""
    found = executor.map(works.inverse, [1, 2, 0, 4])
    assert [next(found), next(found)] == [1.0, 0.5]
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        next(found)


def test_map_does_not_wait_longer_than_asked(make: Make, ledger: Ledger, gate: Path) -> None:
    """`map` raises TimeoutError where a result is not there in time."""
    with make(max_workers=1) as executor:
        found = executor.map(works.hold, [str(ledger.path)], ["slow"], [str(gate)], timeout=0.2)
        with pytest.raises(TimeoutError):
            next(found)
        gate.touch()


def test_what_waits_can_be_cancelled(
    held: tuple[Executor, Future[str], Future[str]], ledger: Ledger, gate: Path
) -> None:
    """A call that has not begun never runs once it is cancelled; its future raises CancelledError."""
    executor, _, behind = held
    assert (behind.cancel(), behind.cancelled(), behind.done(), behind.cancel()) == (True, True, True, True)
    with pytest.raises(CancelledError):
        behind.result(0)
    with pytest.raises(CancelledError):
        behind.exception(0)
    gate.touch()
    executor.shutdown()
    assert len(ledger.lines("ran", "2")) == 0


def test_what_runs_cannot_be_cancelled(held: tuple[Executor, Future[str], Future[str]], gate: Path) -> None:
    """`cancel` says False of a call that runs, which goes on."""
    _, running, _ = held
    assert (running.running(), running.cancel(), running.cancelled(), running.done()) == (True, False, False, False)
    gate.touch()
    assert running.result(PATIENCE_S) == "first"


def test_what_is_done_cannot_be_cancelled(executor: Executor) -> None:
    """`cancel` says False of a call that has ended, and its result stays."""
    future = executor.submit(works.double, 4)
    future.result(PATIENCE_S)
    assert (future.cancel(), future.running(), future.cancelled(), future.result(0)) == (False, False, False, 8)


def test_a_wait_can_be_too_short(held: tuple[Executor, Future[str], Future[str]]) -> None:
    """`result` and `exception` raise TimeoutError where they were to wait no longer; the call goes on."""
    _, running, _ = held
    with pytest.raises(TimeoutError):
        running.result(0.05)
    with pytest.raises(TimeoutError):
        running.exception(timeout=0.05)
    assert not running.done()


def test_completed_ones_come_first(held: tuple[Executor, Future[str], Future[str]], make: Make, gate: Path) -> None:
    """`as_completed` gives what has ended, then what ends."""
    _, running, _ = held
    with make(max_workers=1) as other:
        quick = other.submit(works.note, str(gate.with_name("other")), "quick")
        quick.result(PATIENCE_S)
        order = as_completed([running, quick], timeout=PATIENCE_S)
        first = next(order)
        gate.touch()
        assert [first, *order] == [quick, running]


def test_wait_tells_done_from_not_done(held: tuple[Executor, Future[str], Future[str]], make: Make, gate: Path) -> None:
    """`wait` returns with the first, the first error or all, or when the time is up."""
    _, running, _ = held
    with make(max_workers=1) as other:
        quick = other.submit(works.note, str(gate.with_name("other")), "quick")
        wrong = other.submit(works.fails, 1)
        first = wait([running, quick], timeout=PATIENCE_S, return_when=FIRST_COMPLETED)
        failed = wait([running, wrong], timeout=PATIENCE_S, return_when=FIRST_EXCEPTION)
        late = wait([running], timeout=0.05)
        gate.touch()
        all_done = wait([running, quick, wrong], timeout=PATIENCE_S, return_when=ALL_COMPLETED)
    assert [(set(each.done), set(each.not_done)) for each in (first, failed, late, all_done)] == [
        ({quick}, {running}),
        ({wrong}, {running}),
        (set(), {running}),
        ({running, quick, wrong}, set()),
    ]


def test_a_cancelled_one_ends_a_wait(held: tuple[Executor, Future[str], Future[str]], gate: Path) -> None:
    """`wait` and `as_completed` count what was cancelled as done."""
    _, _, behind = held
    behind.cancel()
    gate.touch()
    assert set(wait([behind], timeout=PATIENCE_S).done) == {behind}
    assert list(as_completed([behind], timeout=PATIENCE_S)) == [behind]


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
