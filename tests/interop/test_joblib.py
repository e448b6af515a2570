"""One suite for joblib's own backend of processes and ours: the same calls, the same outcomes. Then what ours has."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path
from pickle import PicklingError
from typing import Any

import pytest
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.externals.loky import get_reusable_executor

import nbqueue.joblib  # registers the backend
from nbqueue import ConfigurationError, Queue, State, jobs, submit_map
from nbqueue.model.settings import Settings
from tests.interop import works
from tests.waiting import wait_until
from tests.workers import Ledger, running_worker


@pytest.fixture(params=["loky", "nbqueue"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Within the test, what `Parallel` runs on."""
    with parallel_config(backend=request.param, n_jobs=2):
        yield str(request.param)
    if request.param == "loky":
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


@pytest.fixture
def ours() -> Iterator[None]:
    """Within the test `Parallel` runs on the workers."""
    with parallel_config(backend="nbqueue"):
        yield


@pytest.mark.usefixtures("backend")
def test_results_come_in_order() -> None:
    """A list of results in the order of the calls, with positional and named arguments, of lambdas too."""
    assert Parallel()(delayed(works.power)(each, exponent=3) for each in range(20)) == [each**3 for each in range(20)]
    assert Parallel()(delayed(lambda each: each + 1)(each) for each in range(3)) == [1, 2, 3]


@pytest.mark.usefixtures("backend")
def test_there_may_be_nothing_to_do() -> None:
    """No calls give an empty list."""
    assert Parallel()(delayed(works.double)(each) for each in range(0)) == []


@pytest.mark.usefixtures("backend")
def test_the_first_error_is_raised() -> None:
    """The error of a call is its own, with the lines of elsewhere as cause, and the backend can be used again."""
    with Parallel() as parallel:
        with pytest.raises(works.OwnError, match="not today") as caught:
            parallel(delayed(works.fails)(each) for each in range(40))
        assert 'raise OwnError("not today", code)' in str(caught.value.__cause__)
        assert parallel(delayed(works.double)(each) for each in range(4)) == [0, 2, 4, 6]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("way", ["generator", "generator_unordered"])
def test_results_come_as_they_are_taken(way: str) -> None:
    """A generator of results, in order or not."""
    found = Parallel(return_as=way)(delayed(works.double)(each) for each in range(30))
    assert sorted(found) == [2 * each for each in range(30)]


@pytest.mark.usefixtures("backend")
def test_a_call_can_take_too_long(gate: Path, ledger: Ledger) -> None:
    """`timeout=` raises joblib's TimeoutError where a result is not there in time."""
    with pytest.raises(multiprocessing.TimeoutError):
        Parallel(timeout=0.3)(delayed(works.hold)(str(ledger.path), name, str(gate)) for name in "ab")
    gate.touch()


@pytest.mark.usefixtures("backend")
def test_no_jobs_are_refused() -> None:
    """`n_jobs=0` raises ValueError."""
    with pytest.raises(ValueError, match="n_jobs == 0 in Parallel has no meaning"):
        Parallel(n_jobs=0)(delayed(works.double)(each) for each in range(3))


@pytest.mark.usefixtures("backend")
def test_one_job_runs_here() -> None:
    """With `n_jobs=1` the calls are made in this process, one after another."""
    assert Parallel(n_jobs=1)(delayed(works.pid)(each) for each in range(3)) == [os.getpid()] * 3


@pytest.mark.usefixtures("backend")
def test_shared_memory_is_that_of_threads() -> None:
    """`require="sharedmem"` runs the calls in threads of this process."""
    found: list[int] = []
    Parallel(n_jobs=2, require="sharedmem")(delayed(found.append)(each) for each in range(10))
    assert sorted(found) == list(range(10))


@pytest.mark.usefixtures("backend")
def test_what_cannot_travel_is_an_error() -> None:
    """An argument that cannot be pickled is told, and nothing hangs."""
    with pytest.raises((TypeError, PicklingError), match=r"pickle|sent"):
        Parallel()(delayed(works.ident)(works.lock(each)) for each in range(3))


@pytest.mark.usefixtures("backend")
def test_a_parallel_within_a_call_gives_the_same() -> None:
    """A `Parallel` within a call gives what it gives elsewhere."""
    found = Parallel()(delayed(works.inner_backend)(each) for each in (2, 3))
    assert [numbers for _, numbers in found] == [[0, 2], [0, 2, 4]]


@pytest.mark.usefixtures("ours")
def test_calls_within_a_job_run_one_after_another() -> None:
    """A `Parallel` within a call of ours waits for no slot: its calls run one after another."""
    assert {name for name, _ in Parallel()(delayed(works.inner_backend)(each) for each in (2, 3))} == {
        "SequentialBackend"
    }


@pytest.mark.usefixtures("ours")
def test_small_calls_go_together() -> None:
    """A thousand quick calls are far fewer jobs; each has the name of the function."""
    begun = time.time()
    assert Parallel()(delayed(works.double)(each) for each in range(1000)) == [2 * each for each in range(1000)]
    found = jobs.where(function="double", since=f"{max(1, round(time.time() - begun) + 1)}s").wait()
    assert 2 <= len(found) <= 400


@pytest.mark.usefixtures("ours")
def test_all_slots_are_used_where_no_number_is_given() -> None:
    """`n_jobs=-1`, the usual one on this backend, is the slots of the workers; `-2` one less, but two at least."""
    assert (effective_n_jobs(-1), effective_n_jobs(-2), effective_n_jobs(5), effective_n_jobs(1)) == (2, 2, 5, 1)
    assert Parallel().n_jobs == -1


def test_an_error_takes_the_rest_off_the_queue(ledger: Ledger, gate: Path) -> None:
    """After an error nothing of the same `Parallel` waits or runs any more."""
    with parallel_config(backend="nbqueue", n_jobs=20), pytest.raises(works.OwnError):
        Parallel(batch_size=1)(_first_fails(ledger, gate))
    wait_until(lambda: (Queue().stats().wait().queued, Queue().stats().wait().running) == (0, 0))
    assert len(ledger.lines("begin")) <= 2


def _first_fails(ledger: Ledger, gate: Path) -> Iterator[Any]:
    yield delayed(works.fails)(1)
    for number in range(30):
        yield delayed(works.hold)(str(ledger.path), str(number), str(gate))


def test_a_generator_that_is_left_takes_the_rest_off_the_queue(ledger: Ledger) -> None:
    """Who closes a generator of results cancels what has not begun."""
    with parallel_config(backend="nbqueue", n_jobs=20):
        calls = (delayed(works.note)(str(ledger.path), str(number)) for number in range(500))
        found = Parallel(return_as="generator", batch_size=1)(calls)
        assert next(found) == "0"
        with pytest.warns(UserWarning, match="have been cancelled"):
            found.close()
    wait_until(lambda: (Queue().stats().wait().queued, Queue().stats().wait().running) == (0, 0))
    assert len(ledger.lines("ran")) < 500


def test_options_are_those_of_jobs() -> None:
    """What `parallel_config` is given beside joblib's own words are options of the jobs; wrong ones are refused."""
    with parallel_config(backend="nbqueue", n_jobs=2, tags=["sweep"], label="a sweep"):
        Parallel()(delayed(works.double)(each) for each in range(3))
    assert {(job.label, job.state) for job in jobs.where(tag="sweep").wait().records} == {("a sweep", State.SUCCEEDED)}
    with pytest.raises(ConfigurationError, match=r"^The joblib backend of nbqueue does not take 'colour': "):
        parallel_config(backend="nbqueue", colour="red")


def test_jobs_may_use_the_backend(module_settings: Settings) -> None:
    """In a job the backend waits with the slot given back: as many as there are slots do not block each other."""
    del module_settings
    assert submit_map(works.in_a_job, [2, 3, 4]).wait().wait() == [[0, 2], [0, 2, 4], [0, 2, 4, 6]]


def test_the_module_names_what_is_public() -> None:
    """`nbqueue.joblib` is the backend and its registration."""
    assert nbqueue.joblib.__all__ == ["JobsBackend"]


def test_no_more_run_at_once_than_was_said(module_settings: Settings, tmp_path: Path) -> None:
    """With `n_jobs=2` two calls run at a time, however many slots there are."""
    # last of all: its slots are counted for a while after it has ended
    with running_worker(module_settings, "--slots", "3"), parallel_config(backend="nbqueue"):
        found = Parallel(n_jobs=2, batch_size=1)(delayed(works.crowd)(str(tmp_path), each) for each in range(8))
        assert max(found) == 2
