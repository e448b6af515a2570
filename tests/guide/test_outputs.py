"""Results that go from job to job: a handle among the arguments stands for what the job gives."""

from dataclasses import dataclass
from typing import Any

import pytest

import nbqueue
from nbqueue import JobFailed, ParentFailed, options, run, submit, submit_map


def load(size: int) -> list[int]:
    """Data that takes long to make."""
    return list(range(size))


def total(numbers: list[int], *, times: int = 1) -> int:
    """What is done with it."""
    return sum(numbers) * times


async def test_a_handle_stands_for_its_result() -> None:
    """`job.output` as an argument becomes the job's result on the worker; it does not pass through the notebook."""
    data = await submit(load, 5)
    await data
    assert await run(total, data.output, times=2) == 20
    handle: Any = data  # does the same; a checker of types knows only `.output` as a list of numbers
    assert await run(total, numbers=handle) == 10


async def test_a_group_stands_for_its_results() -> None:
    """A group becomes the list of its results, in order."""
    parts = await submit_map(load, [1, 2, 3])
    await parts
    assert await run(len, parts.output) == 3
    assert await run(list, parts) == [[0], [0, 1], [0, 1, 2]]


async def test_handles_may_stand_anywhere() -> None:
    """In lists, dicts and objects, and in what a function takes along; one job is one object wherever it stands."""

    @dataclass
    class Plan:
        data: Any

    data = await submit(load, 2)
    await data

    def look(plans: dict[str, list[Plan]]) -> tuple[list[int], bool]:
        found: Any = data
        return found, plans["a"][0].data is found

    assert await run(look, {"a": [Plan(data.output)]}) == ([0, 1], True)


async def test_each_item_of_a_map_may_take_its_own() -> None:
    """`submit_map` over handles is one job for each, that takes that one's result."""
    parts = await submit_map(load, [1, 2, 3])
    await parts
    assert await (await submit_map(total, parts)) == [0, 1, 3]


async def test_a_chain_is_picked_up_where_the_parent_ends() -> None:
    """The next job may be submitted at once: it begins after those it takes from have ended."""
    data = await submit(load, 4)
    doubled = await submit(total, data.output, times=2)
    assert await run(abs, doubled.output) == 12


async def test_a_parent_that_failed() -> None:
    """A job that takes from one that failed does not run, and says whose fault it is."""

    def fails() -> list[int]:
        raise ValueError("no such plan")

    data = await options(label="loading").submit(fails)
    with pytest.raises(JobFailed):
        await data
    with pytest.raises(ParentFailed, match=r"\(loading\), which failed: ValueError: no such plan") as caught:
        await run(total, data.output)
    assert caught.value.parent_id == data.id


async def test_a_result_that_is_kept_no_longer() -> None:
    """Results are kept for `keep_result` seconds; a job that comes later says which one it misses."""
    data = await options(keep_result=0, label="loading").submit(load, 3)
    with pytest.raises(nbqueue.ResultExpired):
        await data
    with pytest.raises(JobFailed, match=r"ResultExpired: It takes the result of job .* \(loading\)") as caught:
        await run(total, data.output)
    assert isinstance(caught.value.__cause__, nbqueue.ResultExpired)


async def test_a_pending_is_no_handle() -> None:
    """`submit(...)` has to be awaited first."""
    with pytest.raises(nbqueue.NotSendable, match=r"is under way, and cannot be sent: await it"):
        submit(len, submit(load, 3))  # type: ignore[call-overload]
