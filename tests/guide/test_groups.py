"""Many jobs as one: groups."""

import asyncio
from pathlib import Path

import pytest

from nbqueue import ConfigurationError, JobFailed, State, attach, options, submit, submit_map
from tests.waiting import until


def invert(number: float) -> float:
    """Fails for zero."""
    return 1 / number


def half(number: int) -> int:
    """Any work."""
    return number // 2


async def nap(seconds: float) -> float:
    """Waits."""
    await asyncio.sleep(seconds)
    return seconds


async def test_counts_cost_nothing() -> None:
    """The counts of a group are kept by the server as its jobs end; asking looks at no job."""
    group = await submit_map(nap, [0.0] * 50)
    await group
    assert await group.progress() == {State.SUCCEEDED: 50}


async def test_partial_results_and_a_second_try(tmp_path: Path) -> None:
    """What failed can be run again; the new group has the results of all, in order."""
    flag = tmp_path / "mended"

    def flaky(number: int, path: str) -> int:
        if number == 1 and not Path(path).exists():
            raise ValueError("not yet")
        return number

    group = await submit_map(flaky, [0, 1, 2], [str(flag)] * 3)
    found = await group.results(return_errors=True)
    assert isinstance(found[1], JobFailed)
    flag.touch()
    again = await group.retry_failed()
    assert await again == [0, 1, 2]
    assert (again[0], again[2]) == (group[0], group[2])
    assert (await again[1].info()).retry_of == group[1].id
    assert (await group.newest()).ids == (await group.retry_failed()).ids == again.ids


async def test_integers_of_a_frame_stay_integers() -> None:
    """Where some items failed, or are None, the others are no floats; a float among them makes a column of floats."""

    def half(number: int, more: int | None) -> int:
        if number % 2:
            raise ValueError("odd")
        return (number + 0 * (more or 0)) // 2

    frame = await (await submit_map(half, [2, 3, 4], [None, 1, 2])).frame()
    assert frame.dtypes[["arg0", "arg1", "result"]].astype(str).to_list() == ["int64", "Int64", "Int64"]
    assert frame["result"].to_list()[::2] == [1, 2]
    frame = await (await submit_map(lambda value: value, [1, float("nan")])).frame()
    assert str(frame["result"].dtype) == "float64"


async def test_a_group_can_be_held_back() -> None:
    """`pause` lets no more of its jobs start, and `resume` lets them go on; other jobs are not touched."""
    group = await options(delay=0.3).submit_map(nap, [0.0] * 4)
    await group.pause()
    assert await (await submit(nap, 0.0)) == 0.0

    async def all_held() -> bool:
        return [str((await job.info()).reason) for job in group] == ["paused"] * 4

    assert await until(all_held)
    await group.resume()
    assert await group == [0.0] * 4


async def test_a_group_can_be_forgotten() -> None:
    """`delete` takes its waiting jobs away; those that run go on."""
    group = await options(concurrency=1).submit_map(nap, [0.5, 0.0, 0.0])

    async def first_runs() -> bool:
        return (await group.progress()).get(State.RUNNING) == 1

    assert await until(first_runs)
    assert await group.delete() == {"running": 1, "deleted": 2}
    assert await group[0] == 0.5


async def test_several_items_in_one_job() -> None:
    """`batch=10` makes ten calls in each job; results and order are those of the items."""
    group = await options(batch=10).submit_map(invert, range(1, 26))
    assert len(group) == 3
    assert await group == [1 / number for number in range(1, 26)]
    assert (await group[2].info()).progress.total == 5


async def test_batches_as_an_argument() -> None:
    """A group in batches stands for the list of the results of its items, as `await group` gives it."""
    group = await options(batch=2).submit_map(invert, [1, 2, 4])
    assert await (await submit(sum, group.output)) == 1.75
    with pytest.raises(ConfigurationError, match="batch=2 cannot be used with submit or run"):
        await options(batch=2).submit(invert, 1)


async def test_an_error_in_a_batch_names_its_item() -> None:
    """The job ends with the first error, which says which item it was."""
    group = await options(batch=3).submit_map(invert, [1, 0, 2])
    with pytest.raises(JobFailed, match="division by zero") as caught:
        await group
    assert "It was item 2 of 3 of its batch." in caught.value.remote_traceback
    found = await (await options(batch=3).submit_map(invert, [1, 0, 2, 4, 5])).results(return_errors=True)
    assert found[3:] == [0.25, 0.2]
    assert [type(each) for each in found[:3]] == [JobFailed] * 3


async def test_a_group_as_a_frame() -> None:
    """Arguments, state and result in one pandas frame, a row a job."""
    group = await submit_map(invert, [1, 0, 4])
    frame = await group.frame()
    assert list(frame.columns) == ["job", "arg0", "state", "result", "error"]
    assert list(frame["arg0"]) == [1, 0, 4]
    assert list(frame["state"]) == ["succeeded", "failed", "succeeded"]
    assert frame["result"][2] == 0.25
    assert "ZeroDivisionError" in frame["error"][1]
    batched = await (await options(batch=2).submit_map(pow, [2, 3, 4], [1, 2, 3])).frame()
    assert list(batched.columns) == ["job", "arg0", "arg1", "state", "result", "error"]
    assert list(batched["arg0"]) == [[2, 3], [4]]
    assert list(batched["arg1"]) == [[1, 2], [3]]
    assert list(batched["result"]) == [[2, 9], [64]]


def test_a_map_over_nothing_is_refused() -> None:
    """Without an iterable there is no item; an empty one makes an empty group."""
    with pytest.raises(ConfigurationError, match=r"submit_map has nothing to map over: give an iterable for each"):
        submit_map(half)


async def test_a_group_of_nothing_has_ended_well() -> None:
    """Who waits for an empty group, alone or among others, goes on at once, and pausing it holds nobody back."""
    nothing = await submit_map(half, [])
    assert await nothing == []
    await nothing.pause()
    job = await submit(half, 2)
    assert await (await options(after=[nothing]).submit(half, 4)) == 2
    assert await (await options(after=[job, nothing]).submit(half, 6)) == 3
    assert await (await submit(len, nothing.output)) == 0
    await nothing.resume()


async def test_one_job_stands_for_equal_items() -> None:
    """With `cache=` or `unique=` equal items have one job: it is there for each of them, also as an argument."""
    group = await options(cache=60).submit_map(half, [2, 4, 2])
    assert group.ids == tuple(job.id for job in group)
    assert (len(group.ids), len(set(group.ids))) == (3, 2)
    assert await group == [1, 2, 1]
    assert await (await submit(sum, group.output)) == 4
    assert list((await group.frame())["result"]) == [1, 2, 1]
    assert await group.progress() == {State.SUCCEEDED: 2}
    assert await group.cancel() == {"already finished": 2}


async def test_a_label_names_a_group() -> None:
    """It stands on its card, and whoever attaches to it has it too."""
    group = await options(label="sweep").submit_map(half, range(3))
    await group
    assert (group.label, (await attach(group=group.id)).label) == ("sweep", "sweep")
