"""A group followed live: counts, failures, times."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from nbqueue.client.group import JobGroup
from nbqueue.client.group_live import GroupLive
from nbqueue.client.group_pace import Pace
from nbqueue.client.handle import Job
from nbqueue.client.known import attach
from nbqueue.client.session import session
from nbqueue.client.submitter import submit_map
from nbqueue.model.states import State
from tests.servers import Server
from tests.waiting import SLACK, until


def add(left: int, right: int = 0) -> int:
    """The sum."""
    return left + right


async def rest(seconds: float) -> float:
    """Take a while."""
    await asyncio.sleep(seconds)
    return seconds


def _is_complete(live: GroupLive) -> bool:
    return live.complete


def odd(number: int) -> int:
    """Fail for even numbers."""
    if not number % 2:
        raise ValueError(f"{number} is even")
    return number


async def odd_until(number: int, path: str) -> int:
    """Fail for even numbers; 11 waits until the file is there."""
    if number == 11:
        await until(Path(path).exists)
    return odd(number)


@pytest.mark.usefixtures("running_engine")
async def test_counts_are_followed_live() -> None:
    """A live group counts its jobs by state, from the first to the last."""
    group = await submit_map(odd, range(20))
    live = group.live()
    seen: list[int] = []

    def ended() -> bool:
        seen.append(live.version)
        return live.counts == {State.SUCCEEDED: 10, State.FAILED: 10}

    await until(ended)
    assert (live.total, live.reconnecting, seen == sorted(seen)) == (20, False, True)
    link = session()._link
    assert link is not None
    await until(lambda: not link.follow._followers)
    live.close()


@pytest.mark.usefixtures("running_engine")
async def test_the_first_failures_are_looked_up() -> None:
    """A live group knows of the first five items that did not end well why, and how many did not by which error."""
    group = await submit_map(odd, range(20))
    live = group.live()
    await group.results(return_errors=True)
    late = JobGroup("", [Job[int](job.id) for job in group], of=session()).live()
    for each, words in ((live, ["0", "2", "4", "6", "8"]), (late, [""] * 5)):
        await until(partial(_is_complete, each))
        assert [found.record.id for found in each.failures] == [group[place].id for place in (0, 2, 4, 6, 8)]
        assert [(found.place, found.record.error_type) for found in each.failures] == [
            (place, "ValueError") for place in (0, 2, 4, 6, 8)
        ]
        assert ([found.called_with for found in each.failures], each.errors) == (words, {"ValueError": 10})
        each.close()
    assert round(sum(live.rates(datetime.now(UTC))) / 2) == 20


@pytest.mark.usefixtures("running_engine")
async def test_a_group_that_was_awaited_is_complete_with_all_that_it_had() -> None:
    """Shown again after its end, it has the failures and the pace of the first time before it is complete."""
    group = await submit_map(odd, range(20))
    first = group.live()
    await group.results(return_errors=True)
    again = group.live()
    assert again.ended
    await until(lambda: first.complete and again.complete)
    at = first.last_end_at
    assert at is not None
    assert (again.failures, again.errors, again.rates(at)) == (first.failures, first.errors, first.rates(at))
    assert (len(again.failures), round(sum(again.rates(at)) / 2)) == (5, 20)


@pytest.mark.usefixtures("running_engine")
async def test_an_attached_group_has_what_the_first_had(tmp_path: Path) -> None:
    """The same failures by the same places, the same counts and pace; only the arguments are known in one place."""
    flag = tmp_path / "go"
    group = await submit_map(odd_until, range(12), [str(flag)] * 12)
    first = group.live()
    await until(lambda: first.errors == {"ValueError": 6})
    (found,) = (await attach()).works
    assert isinstance(found, JobGroup)
    attached = found.live()
    flag.touch()
    await until(lambda: first.complete and attached.complete)
    at = first.last_end_at
    assert at is not None
    assert (attached.errors, attached.rates(at)) == (first.errors, first.rates(at))
    assert [(each.place, each.record.id) for each in attached.failures] == [
        (each.place, each.record.id) for each in first.failures
    ]
    assert [found[each.place].id for each in attached.failures] == [each.record.id for each in attached.failures]
    assert [each.called_with.partition(",")[0] for each in first.failures] == ["0", "2", "4", "6", "8"]


async def test_what_the_server_forgot_is_counted_as_lost(server: Server) -> None:
    """A group of which jobs are gone is complete all the same, and lists them."""
    group = await submit_map(add, range(3))
    with server.client() as client:
        client.flushall()
    live = JobGroup("", [Job[int](job.id) for job in group], of=session()).live()
    await until(partial(_is_complete, live))
    assert (live.counts, live.errors, live.last_end_at) == ({State.CRASHED: 3}, {"JobLost": 3}, None)


@pytest.mark.usefixtures("running_engine")
async def test_a_group_that_is_shown_late_has_the_pace_it_had() -> None:
    """Ends that came before anybody looked count where they came, and not all at the first look."""
    group = await submit_map(rest, [0.0] * 20 + [1.6])
    live = group.live()
    await until(lambda: live.counts.get(State.SUCCEEDED) == 20)
    during = JobGroup("", [Job[float](job.id) for job in group], of=session()).live()
    await group
    after = JobGroup("", [Job[float](job.id) for job in group], of=session()).live()
    await until(lambda: live.complete and during.complete and after.complete)
    records = [await job.info() for job in group]
    ended = sorted(record.finished_at for record in records if record.finished_at is not None)
    pace = Pace()
    for at in ended:
        pace.ended(at)
    assert len(pace.rates(ended[-1])) >= 3
    assert [each.rates(ended[-1]) for each in (live, during, after)] == [pace.rates(ended[-1])] * 3


@pytest.mark.usefixtures("running_engine")
async def test_the_times_of_a_group_are_those_of_its_jobs() -> None:
    """A live group knows when its first job began and its last one ended, also where it is shown late, or again."""
    group = await submit_map(rest, [0.3, 0.01, 0.15])
    live = group.live()
    await until(lambda: live.began_at is not None and live.last_end_at is not None)
    assert (live.ended, live.complete) == (False, False)
    await group.results()
    await until(lambda: live.complete)
    assert live.ended
    records = [await job.info() for job in group]
    began, ended = zip(*[(record.started_at, record.finished_at) for record in records], strict=True)
    late, copy = group.live(), JobGroup("", [Job[float](job.id) for job in group], of=session()).live()
    assert late.counts == {State.SUCCEEDED: 3}
    await until(lambda: late.complete and copy.complete)
    assert {(each.began_at, each.last_end_at) for each in (live, late, copy)} == {(min(began), max(ended))}


@pytest.mark.usefixtures("running_engine")
async def test_the_times_of_a_large_group_are_looked_up_for_some() -> None:
    """Of many jobs only the first and the last are looked up; what was told meanwhile counts too."""
    group = await submit_map(rest, [*[0.0] * 200, 0.4, *[0.0] * 200])
    live = group.live()
    await group.results()
    await until(lambda: live.complete)
    slow = await group[200].info()
    assert slow.finished_at is not None
    assert live.last_end_at is not None
    assert abs((live.last_end_at - slow.finished_at).total_seconds()) < 0.1 * SLACK


@pytest.mark.usefixtures("running_engine")
async def test_what_was_awaited_is_known_at_once() -> None:
    """Shown after it was awaited, a job or a group needs no answer of the server to be one that has ended."""
    group = await submit_map(add, [1])
    await group
    await group[0]
    live, job_live = group.live(), group[0].live()
    assert (live.counts, job_live.record.state) == ({State.SUCCEEDED: 1}, State.SUCCEEDED)


async def test_an_empty_group_has_no_times() -> None:
    """It is complete from the start."""
    live = (await submit_map(add, [])).live()
    assert (live.complete, live.began_at, live.last_end_at) == (True, None, None)
