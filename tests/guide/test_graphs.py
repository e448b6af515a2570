"""Jobs after other jobs."""

from pathlib import Path

import pytest

from nbqueue import ConfigurationError, JobCancelled, JobLost, ParentFailed, State, jobs, options, submit, submit_map


def fetch(name: str) -> str:
    """The first step."""
    return name.upper()


def fail() -> None:
    """A step that does not work."""
    raise ValueError("no such file")


def odd(number: int) -> int:
    """A step that works for some."""
    if number % 2:
        return number
    raise ValueError(number)


async def test_a_job_after_another() -> None:
    """`after=[...]` waits for jobs and groups to end well."""
    load = await options(delay=0.2).submit(fetch, "a")
    more = await submit_map(fetch, ["b", "c"])
    last = await options(after=[load, more]).submit(fetch, "z")
    assert (await last.info()).reason == "blocked"
    assert await last == "Z"
    assert await load.state() is State.SUCCEEDED


async def test_when_the_job_before_fails() -> None:
    """The job after it fails too, says why, and so do those behind; `"skip"` leaves it out, `"run"` runs it."""
    broken = await submit(fail)
    after = await options(after=[broken]).submit(fetch, "a")
    behind = await options(after=[after]).submit(fetch, "b")
    skipped = await options(after=[broken], on_parent_failure="skip").submit(fetch, "c")
    anyway = await options(after=[broken], on_parent_failure="run").submit(fetch, "d")
    with pytest.raises(ParentFailed, match=f"for job {broken.id} .fail., which failed: ValueError: no such file"):
        await after
    with pytest.raises(ParentFailed) as caught:
        await behind
    assert caught.value.parent_id == after.id
    assert await anyway == "D"
    with pytest.raises(JobCancelled, match=rf"was skipped .*: it waited for job {broken.id} .fail., which failed"):
        await skipped


async def test_when_a_group_before_fails() -> None:
    """The first of its jobs that did not succeed is named with its error, and is the `.parent_id`."""
    group = await submit_map(odd, [1, 2, 3])
    after = await options(after=[group]).submit(fetch, "a")
    bad = group[1].id
    with pytest.raises(
        ParentFailed, match=f"for group {group.id}, and job {bad} .odd. of it failed: ValueError: 2"
    ) as caught:
        await after
    assert caught.value.parent_id == bad
    assert await group.progress() == {State.SUCCEEDED: 2, State.FAILED: 1}


async def test_what_is_not_there_cannot_be_waited_for() -> None:
    """A lost job and a circle are refused at once."""
    with pytest.raises(JobLost, match='no job or group "nobody"'):
        await options(after=["nobody"]).submit(fetch, "a")
    with pytest.raises(ConfigurationError, match="cannot wait for itself"):
        await options(job_id="me", after=["me"]).submit(fetch, "a")
    with pytest.raises(ConfigurationError, match="await it first"):
        options(after=[submit(fetch, "a")])  # type: ignore[list-item]


def prepare(ready: str) -> int:
    """A first step that can be mended from outside."""
    if not Path(ready).exists():
        raise ValueError("not ready")
    return 20


def use(number: int) -> int:
    """A second step."""
    return number + 1


async def test_a_pipeline_that_failed_is_retried(tmp_path: Path) -> None:
    """A retry waits for what the job waited for, or for the retry of that; jobs retried together keep their order."""
    night = options(tags=["night"])
    first = await night.submit(prepare, str(tmp_path / "ready"))
    second = await night.submit(use, first.output)
    third = await options(tags=["night"], after=[second]).submit(fetch, "done")
    for job in (second, third):
        with pytest.raises(ParentFailed):
            await job
    with pytest.raises(ParentFailed, match="not ready"):
        await (await second.retry())  # what it waits for has still failed
    (tmp_path / "ready").touch()
    again = await (await jobs.where(tag="night", state="failed")).retry()
    assert sorted([str(await job) for job in again]) == ["20", "21", "DONE"]
