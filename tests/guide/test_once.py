"""Once: the same work is not done twice."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import nbqueue
from nbqueue import ConfigurationError, JobCancelled, NotSendable, State, options, run, submit_map


def count(ledger: str, number: int) -> int:
    """Leaves a mark for each run."""
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write("run\n")
    return number * 2


def runs(ledger: Path) -> int:
    """How often it ran."""
    return len(ledger.read_text().splitlines())


async def test_an_id_of_your_own(tmp_path: Path) -> None:
    """The second submit of a `job_id` gives the first's job."""
    ledger = str(tmp_path / "ledger")
    first = await options(job_id="report-7").submit(count, ledger, 1)
    second = await options(job_id="report-7").submit(count, ledger, 1)
    assert first == second
    assert second.existed
    assert (await first, await second) == (2, 2)
    assert runs(tmp_path / "ledger") == 1


async def test_unique_for_a_while(tmp_path: Path) -> None:
    """The same function and arguments within the window are the same job; others are not."""
    ledger = str(tmp_path / "ledger")
    hourly = options(unique=3600)
    first = await hourly.submit(count, ledger, 1)
    assert await hourly.submit(count, ledger, 1) == first
    assert await hourly.submit(count, ledger, 2) != first
    assert await options(unique=3600, force=True).submit(count, ledger, 1) != first


async def test_the_last_of_many(tmp_path: Path) -> None:
    """Of debounced submits the last one runs, a window after it came; those before end as cancelled."""
    ledger = str(tmp_path / "ledger")
    calm = options(debounce=0.5)
    jobs = [await calm.submit(count, ledger, 1) for _ in range(3)]
    assert await jobs[-1] == 2
    assert [await job.state() for job in jobs] == [State.CANCELLED, State.CANCELLED, State.SUCCEEDED]
    assert runs(tmp_path / "ledger") == 1
    with pytest.raises(JobCancelled, match="was replaced by a later one"):
        await jobs[0]


async def test_a_result_that_is_there_is_taken(tmp_path: Path) -> None:
    """`cache=` joins the run in flight, and gives the stored result afterwards; `force` computes anew."""
    ledger = str(tmp_path / "ledger")
    cached = options(cache=3600)
    assert await cached.run(count, ledger, 21) == 42
    assert await cached.run(count, ledger, 21) == 42
    assert runs(tmp_path / "ledger") == 1
    assert await options(cache=3600, force=True).run(count, ledger, 21) == 42
    assert runs(tmp_path / "ledger") == 2


async def test_a_sweep_that_is_run_again_computes_what_is_new(tmp_path: Path) -> None:
    """In a group each item is looked up; two equal items are one job."""
    ledger = str(tmp_path / "ledger")
    cached = options(cache=3600)
    assert await (await cached.submit_map(count, [ledger] * 3, [1, 2, 2])) == [2, 4, 4]
    assert await (await cached.submit_map(count, [ledger] * 4, [1, 2, 3, 2])) == [2, 4, 6, 4]
    assert runs(tmp_path / "ledger") == 3


async def test_a_sweep_that_takes_results_is_found_again_as_a_whole(tmp_path: Path) -> None:
    """`attach(group=...)` gives all of its jobs in the order of its items, also those of an earlier sweep."""
    ledger = str(tmp_path / "ledger")
    kept = options(cache=3600)
    first = await kept.submit_map(count, [ledger] * 3, [1, 2, 3])
    assert await first == [2, 4, 6]
    for items in ([9, 3, 1, 3, 7], [3, 1]):
        group = await kept.submit_map(count, [ledger] * len(items), items)
        again = await nbqueue.attach(group=group.id)
        assert (again.id, again.ids) == (group.id, group.ids)
        assert await again == [2 * item for item in items]
        # it is waited for as its jobs are
        after = await options(after=[again]).submit(count, ledger, 4)
        assert await after == 8
    assert runs(tmp_path / "ledger") == 7


async def test_a_change_of_the_code_is_another_call(tmp_path: Path) -> None:
    """Code, closure values and arguments make the sameness; names and lines do not."""
    ledger = str(tmp_path / "ledger")

    def make(factor: int) -> Callable[[str, int], int]:
        def scaled(path: str, number: int) -> int:
            return count(path, number) * factor

        return scaled

    cached = options(cache=3600)
    assert await cached.run(make(1), ledger, 5) == 10
    assert await cached.run(make(1), ledger, 5) == 10
    assert await cached.run(make(3), ledger, 5) == 30
    assert runs(tmp_path / "ledger") == 2


async def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    """An argument without a digest is refused by its path."""
    with (tmp_path / "file").open("w") as file, pytest.raises(NotSendable, match=r"args\[0\]|seconds|file"):
        await options(unique=60).submit(time.sleep, file)  # type: ignore[call-overload]


def test_two_ways_at_once_are_refused() -> None:
    """unique, debounce, cache and job_id each say which jobs are the same: one of them."""
    with pytest.raises(ConfigurationError, match="unique and cache cannot be used together"):
        options(unique=60, cache=60)
    assert run is not None
    assert submit_map is not None
