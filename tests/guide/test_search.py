"""Finding jobs by what is known of them, and acting on what was found."""

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue import ConfigurationError, JobFailed, Queue, ResultExpired, State, jobs, options, submit, submit_map
from nbqueue.client.selection import Selection
from tests.waiting import until


def step(number: int) -> int:
    """Any work."""
    return number


def identity(value: object) -> object:
    """Any value."""
    return value


def broken(number: int, *, why: str = "broken") -> int:
    """Work that fails."""
    raise ValueError(f"{why} {number}")


def napping(seconds: float, flag: str = "") -> float:
    """Work that takes a while, or until a flag is there."""
    time.sleep(seconds)
    while flag and not Path(flag).exists():
        time.sleep(0.01)
    return seconds


class Unloadable:
    """Goes, and does not come back."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


def _refuse() -> None:
    raise LookupError("not made for here")


def ids(found: Selection) -> set[str]:
    """The jobs of a selection."""
    return {job.id for job in found}


async def test_an_error_is_found_by_a_pattern() -> None:
    """A compiled pattern is searched for in "Type: first line"; a text is a part of the line as it stands."""
    group = await submit_map(broken, [1, 22, 333])
    await group.results(return_errors=True)
    await (await submit(step, 4))
    assert ids(await jobs.where(error=re.compile(r"^ValueError: broken \d{2,}$"))) == set(group.ids[1:])
    assert not await jobs.where(error=r"broken \d")
    assert not await jobs.where(error=re.compile("KeyError"))


async def test_slow_jobs_are_found(tmp_path: Path) -> None:
    """`slower_than` is the time of the last attempt, or so far of what runs; what waits has none."""
    quick = await submit(step, 1)
    await quick
    took_s = (await quick.info()).elapsed_s or 0.0
    slow = await submit(napping, took_s + 0.5)
    await slow
    running = await submit(napping, 0.0, str(tmp_path / "flag"))
    later = await options(delay=60).submit(napping, 1.0)
    await until(lambda: is_found(running.id, slower_than=took_s + 0.2))
    for given in (took_s + 0.2, f"{took_s + 0.2:.3f}s", timedelta(seconds=took_s + 0.2)):
        assert ids(await jobs.where(slower_than=given)) == {slow.id, running.id}
    assert later.id not in ids(await jobs.where(slower_than=0.0))
    assert ids(await jobs.where(slower_than=0.0, state="running")) == {running.id}
    assert not await jobs.where(slower_than="5min")
    (tmp_path / "flag").touch()
    await running


async def is_found(job_id: str, **given: Any) -> bool:
    """Whether a search finds it."""
    return job_id in ids(await jobs.where(**given))


async def test_a_search_has_an_end() -> None:
    """`until` leaves out what was submitted or ended later."""
    first = await submit(step, 1)
    await first
    ended = (await first.info()).finished_at
    assert ended is not None
    await asyncio.sleep(0.01)
    second = await submit(step, 2)
    await second
    assert ids(await jobs.where(until=ended)) == {first.id}
    assert not await jobs.where(until="1h")
    assert ids(await jobs.where(since="1h")) == {first.id, second.id}


async def test_jobs_are_found_by_their_arguments() -> None:
    """`args` is called with the arguments of each as its function was; of what succeeded they are not kept."""
    await Queue("held").pause()
    held = options(queue="held")
    waiting = [await held.submit(broken, number, why="later") for number in (1, 20)]
    failed = await submit_map(broken, [3, 30])
    await failed.results(return_errors=True)
    await (await submit(step, 40))
    found = await jobs.where(args=lambda number, why="": number >= 20 and why in ("", "later"))
    assert ids(found) == {waiting[1].id, failed.ids[1]}
    assert found.unread == 1
    assert repr(found).startswith(
        "<2 jobs of this search; 1 left out, whose arguments are kept no longer or cannot be read>"
    )
    [one] = await jobs.where(args=lambda number, **_: number < 20, limit=1)
    assert one.id in {waiting[0].id, failed.ids[0]}
    batch = await options(batch=2, queue="held", tags=["batch"]).submit_map(broken, [5, 6, 7])
    assert ids(await jobs.where(args=lambda numbers: 7 in numbers, tag="batch")) == {batch.ids[1]}
    child = await held.submit(identity, failed[0])
    assert ids(await jobs.where(args=lambda it: it.id == failed.ids[0], function=identity, queue="held")) == {child.id}


async def test_a_predicate_that_raises_names_the_job() -> None:
    """One clear error, which has the original one behind it."""
    job = await options(delay=60).submit(broken, 1)
    said = rf"args= raised IndexError: list index out of range for job {job.id} \(broken\): it is called with the job's"
    with pytest.raises(ConfigurationError, match=said) as raised:
        await jobs.where(args=lambda number: [][number])
    assert isinstance(raised.value.__cause__, IndexError)


async def test_what_would_be_done_is_said() -> None:
    """`preview` tells how many of the jobs a verb touches, in which states, and does nothing."""
    await Queue("held").pause()
    await (await submit_map(broken, [1, 2])).results(return_errors=True)
    await (await submit(step, 3))
    waiting = await options(queue="held").submit(step, 4)
    found = await jobs.where()
    assert (
        str(found.preview("retry")) == "retrying 2 of 4 jobs of this search: 2 failed; 1 queued, 1 succeeded are left"
    )
    assert (
        str(found.preview("cancel"))
        == "cancelling 1 of 4 jobs of this search: 1 queued; 1 succeeded, 2 failed are left"
    )
    assert str(found.preview("delete")) == "deleting 4 jobs of this search: 1 queued, 1 succeeded, 2 failed"
    assert str(found.preview("requeue", queue="night")) == (
        'requeueing 3 of 4 jobs of this search into queue "night": 1 queued, 2 failed; 1 succeeded is left'
    )
    assert set(found.preview("requeue").ids) == ids(await jobs.where(state="failed"))
    assert str(found[:1].preview("retry")) == "retrying none of 1 job of this search: 1 queued is left"
    assert (len(await jobs.where()), await waiting.state()) == (4, State.QUEUED)
    with pytest.raises(ConfigurationError, match=r"preview\('move'\) cannot be said: give one of retry, cancel"):
        found.preview("move")  # type: ignore[arg-type]


async def test_what_was_found_is_put_into_a_queue_again() -> None:
    """`requeue` moves what waits, retries there what did not succeed, and leaves the rest."""
    for name in ("held", "night"):
        await Queue(name).pause()
    failed = await submit_map(broken, [1, 2])
    await failed.results(return_errors=True)
    done = await submit(step, 3)
    await done
    waiting = await options(queue="held").submit(step, 4)
    again = await (await jobs.where()).requeue("night")
    assert {record.queue for record in again.records} == {"night"}
    assert {record.retry_of or record.id for record in again.records} == {waiting.id, *failed.ids}
    assert not again.refused
    assert (await waiting.info()).queue == "night"
    gone = await jobs.where(state="failed")
    await gone.delete()
    refused = await gone.requeue("night", again=True)
    assert (len(refused), set(refused.refused)) == (0, set(failed.ids))
    own = await (await jobs.where(queue="night")).requeue()
    assert len(own) == 0


async def test_what_was_retried_already_is_left() -> None:
    """`retry` and `requeue` of a selection make one new job of each, however often they are called; `again` more."""
    await Queue("night").pause()
    failed = await submit_map(broken, [1, 2])
    await failed.results(return_errors=True)
    one = await (await jobs.where(state="failed"))[:1].requeue("night")
    found = await jobs.where(state="failed")
    assert str(found.preview("retry")) == ("retrying 1 of 2 jobs of this search: 1 failed; 1 was retried already")
    assert str(found.preview("retry", again=True)) == "retrying 2 jobs of this search: 2 failed"
    assert found.preview("requeue", queue="night").retried == 1
    rest = await found.requeue("night")
    assert {*[job.retry_of for job in [*one.records, *rest.records]]} == set(failed.ids)
    stale = await found.retry()
    assert (len(stale), list(stale.refused)) == (0, [rest.records[0].retry_of])
    assert f"was retried already, as {rest[0].id}: again=True, or --again, retries it anew" in repr(stale.refused)
    found = await jobs.where(state="failed")
    assert str(found.preview("retry")) == "retrying none of 2 jobs of this search: 2 were retried already"
    assert (len(await found.retry()), len(await found.requeue("night"))) == (0, 0)
    assert (len(await found.requeue("night", again=True)), len(await jobs.where(state="queued"))) == (2, 4)
    for each in await found.retry(again=True):
        with pytest.raises(JobFailed, match="broken"):
            await each
    assert len(await jobs.where(state="failed")) == 4
    assert (await (await failed[0].retry()).info()).retry_of == failed.ids[0]


async def test_words_of_a_search_are_checked() -> None:
    """A queue's name in a preview as in the verb; an entry of a history frame is a moment; no state is said to be."""
    job = await submit(step, 1)
    await job
    found = await jobs.where()
    with pytest.raises(ConfigurationError, match="'a b'"):
        found.preview("requeue", queue="a b")
    with pytest.raises(ConfigurationError, match="'a b'"):
        found.requeue("a b")
    entry = (await nbqueue.history())["entry"].iloc[-1]
    assert ids(await jobs.where(since=entry)) == {job.id}
    assert (await Queue().per_minute(since=entry))["succeeded"].sum() == 1
    with pytest.raises(ConfigurationError, match=r"^state=\[\] names no state: leave it out, or give one or several\."):
        jobs.where(state=[])
    with pytest.raises(
        ConfigurationError, match=r"^states=\[\] names no state: leave it out, or give one or several\."
    ):
        await nbqueue.history(states=[])
    assert len(await nbqueue.history(states=())) == 1


async def test_a_selection_as_a_frame_with_its_values() -> None:
    """With `values=True` arguments and results are joined; what is not kept or loadable is told in a column."""
    await Queue("held").pause()
    failed = await submit(broken, 5, why="so")
    with pytest.raises(nbqueue.JobFailed):
        await failed
    done = await submit(step, 3)
    await done
    strange = await submit(Unloadable)
    brief = await options(keep_result=0.05).submit(step, 8)
    waiting = await options(queue="held").submit(step, 4)
    await until(lambda: is_expired(brief))
    await until(lambda: is_found(strange.id, state="succeeded"))
    df = (await (await jobs.where()).frame(values=True)).set_index("job")
    assert list(df.columns[-4:]) == ["arg0", "arg_why", "result", "unread"]
    assert list(df.loc[failed.id, ["arg0", "arg_why", "unread"]]) == [5, "so", None]
    assert list(df.loc[done.id, ["result", "unread"]]) == [3, "arguments: kept no longer"]
    assert list(df.loc[waiting.id, ["arg0", "unread"]]) == [4, None]
    assert df.loc[brief.id, "unread"] == "arguments: kept no longer; result: kept no longer"
    assert "result: " in df.loc[strange.id, "unread"]
    assert "LookupError" in df.loc[strange.id, "unread"]
    assert "unread" not in (await (await jobs.where()).frame()).columns
    last = (await jobs.frame()).set_index("job")
    assert list(last.loc[[failed.id, waiting.id], "arg0"]) == [5, 4]
    assert last.loc[done.id, "result"] == 3
    assert len(await jobs.frame(2)) == 2


async def is_expired(job: nbqueue.Job[Any]) -> bool:
    """Whether its result is there no more."""
    try:
        await nbqueue.Job[Any](job.id)
    except ResultExpired:
        return True
    return False


async def test_a_group_found_again_has_its_arguments_in_its_frame() -> None:
    """As far as they are kept: of jobs that failed, or that wait when it is asked; of others `unread` says so."""
    group = await submit_map(lambda number, of: 1 // number + of, [0, 1], [7, 8])
    await group.results(return_errors=True)
    own = await group.frame()
    assert list(own.columns) == ["job", "arg0", "arg1", "state", "result", "error"]
    df = await (await nbqueue.attach(group=group.id)).frame()
    assert list(df.columns) == ["job", "arg0", "arg1", "state", "result", "error", "unread"]
    assert (df["arg0"][0], df["arg1"][0], df["unread"][0]) == (0, 7, None)
    assert (df["result"][1], df["unread"][1]) == (9, "arguments: kept no longer")
    batch = await options(batch=2).submit_map(broken, [5, 6, 7])
    await batch.results(return_errors=True)
    assert list((await (await nbqueue.attach(group=batch.id)).frame())["arg0"]) == [[5, 6], [7]]
