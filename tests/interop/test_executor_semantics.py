"""One suite for the executors of the standard library and ours: the same calls, the same outcomes."""

from __future__ import annotations

from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Executor,
    Future,
    as_completed,
    wait,
)
from pathlib import Path

import pytest

from tests.interop import works
from tests.interop.executors import PATIENCE_S, Make
from tests.workers import Ledger


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


def test_a_map_that_is_too_late_takes_its_calls_off_the_queue(
    held: tuple[Executor, Future[str], Future[str]], ledger: Ledger, gate: Path
) -> None:
    """Where `map` runs into its time limit nothing of it runs any more, not even the call that was waited for."""
    executor, _, _ = held
    with pytest.raises(TimeoutError):
        list(executor.map(works.note, [str(ledger.path)] * 3, ["late", "later", "last"], timeout=0.2))
    gate.touch()
    executor.shutdown()
    assert [ledger.lines("ran", name) for name in ("late", "later", "last")] == [[], [], []]


def test_a_cancelled_one_ends_a_wait(held: tuple[Executor, Future[str], Future[str]], gate: Path) -> None:
    """`wait` and `as_completed` count what was cancelled as done."""
    _, _, behind = held
    behind.cancel()
    gate.touch()
    assert set(wait([behind], timeout=PATIENCE_S).done) == {behind}
    assert list(as_completed([behind], timeout=PATIENCE_S)) == [behind]
