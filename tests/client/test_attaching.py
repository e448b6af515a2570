"""What `attach()` finds: all jobs that live, the last that have ended, and groups as a whole."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

import nbqueue
from nbqueue.broker import jobs as stored
from nbqueue.broker import scripts
from nbqueue.broker.bounds import RECORD_MS
from nbqueue.broker.keys import Keys
from nbqueue.client import attaching
from nbqueue.client.group import JobGroup
from nbqueue.client.origin import origin
from nbqueue.client.session import session
from nbqueue.errors import ConfigurationError, JobFailed, JobLost
from nbqueue.model.names import new_job_ids
from nbqueue.model.options import check
from nbqueue.model.states import State
from tests.client.engine_stub import Engine
from tests.servers import Server

MANY = 3000


def inverse(number: int) -> float:
    """Fail for zero."""
    return 1 / number


async def ended_jobs(count: int) -> list[str]:
    """So many jobs of this origin that have ended, submitted by themselves."""
    ids = new_job_ids(count)
    batch = stored.Batch(
        options=check(queue="nobody"), function="f", lane=stored.LANE_LOOP, jobs=[(job_id, b"{}") for job_id in ids],
        origin=origin(),
    )  # fmt: skip

    async def act(client: object) -> None:
        await scripts.run(client, stored.submit(Keys(), batch))  # type: ignore[arg-type]
        await scripts.run(client, stored.cancel(Keys(), ids))  # type: ignore[arg-type]

    await session().begin(lambda link: link.wire.ask(act), what="submitting")
    return ids


async def test_a_sweep_for_later_is_kept_until_then(server: Server) -> None:
    """The list of a group whose items may be others' jobs outlives its begin by as long as one that begins now."""
    at = datetime.now(UTC) + timedelta(days=50)
    group = await nbqueue.options(queue="nobody", unique=60, at=at).submit_map(abs, [1, 2])
    with server.client() as client:
        left_ms = client.pttl(Keys().joined(group.id))
    assert abs(left_ms - (RECORD_MS + 50 * 86_400_000)) < 600_000


async def test_every_live_job_and_whole_groups_are_found() -> None:
    """An old job that lives, a group of thousands, and thousands that have ended: of the last the newest thousand."""
    old = await nbqueue.options(queue="nobody", label="old").submit(abs, 1)
    for _ in range(5):
        await ended_jobs(1000)
    group = await nbqueue.options(queue="nobody").submit_map(abs, range(MANY))
    await group[MANY // 2].cancel()
    newest = await ended_jobs(600)
    found = await nbqueue.attach()
    assert {job.id for job in found.live} == {old.id, *group.ids} - {group[MANY // 2].id}
    assert len(found.ended) == attaching.MOST
    assert {job.id for job in found.ended} > {*newest, group[MANY // 2].id}
    assert [work.id for work in found.works] == [group.id, old.id]
    assert repr(found).splitlines()[0].endswith("; there are more>")
    whole = found.works[0]
    assert isinstance(whole, JobGroup)
    assert whole.ids == group.ids
    assert await whole.progress() == {State.QUEUED: MANY - 1, State.CANCELLED: 1}
    assert await whole.cancel() == {"cancelled": MANY - 1, "already finished": 1}
    assert [job.id for job in (await nbqueue.attach()).live] == [old.id]


async def test_newest_first_within_a_group_too() -> None:
    """Jobs of one moment stand in the order of their submit."""
    first = await nbqueue.options(queue="nobody").submit(abs, 1)
    group = await nbqueue.options(queue="nobody").submit_map(abs, range(700))
    expected = [*reversed(group.ids), first.id]
    assert [job.id for job in await nbqueue.attach()] == expected
    await group.cancel()
    assert [job.id for job in await nbqueue.attach()] == expected
    assert [job.id for job in await nbqueue.jobs.recent(300)] == expected[:300]


async def test_some_of_a_group_are_seen_as_all_of_it() -> None:
    """The last few jobs, or those of a search, are what they are; what they are seen as is the group."""
    group = await nbqueue.options(queue="nobody", label="solve").submit_map(abs, range(200))
    for found in (await nbqueue.jobs.recent(20), await nbqueue.Queue("nobody").jobs(limit=20)):
        assert (len(found), found.is_cut) == (20, True)
        (whole,) = found.works
        (same,) = found[:5].works
        assert isinstance(whole, JobGroup)
        assert isinstance(same, JobGroup)
        assert (whole.id, len(whole), len(same), whole.label) == (group.id, 200, 200, "solve")
    everything = await nbqueue.jobs.where(queue="nobody", limit=200)
    assert (len(everything), everything.is_cut, "there are more" in repr(everything)) == (200, False, False)


async def test_a_group_without_the_jobs_that_were_deleted() -> None:
    """Who attaches did not see them go, and has no use for their loss."""
    group = await nbqueue.options(queue="nobody").submit_map(abs, range(4))
    await group[1].delete()
    (found,) = (await nbqueue.attach()).works
    assert isinstance(found, JobGroup)
    assert found.ids == (group.ids[0], *group.ids[2:])
    await group.delete()
    assert len(await nbqueue.attach()) == 0


async def test_what_failed_of_a_whole_group_is_retried() -> None:
    """Those too that were not looked up, and the others keep their places; both groups are then found."""
    group = await nbqueue.options(queue="nobody").submit_map(abs, range(60))
    for number in (0, 1, 59):
        await group[number].cancel()
    (whole,) = (await nbqueue.jobs.recent(5)).works
    assert isinstance(whole, JobGroup)
    again = await whole.retry_failed()
    assert [one == other for one, other in zip(again.ids, group.ids, strict=True)].count(False) == 3
    sizes = {work.id: len(work) for work in (await nbqueue.attach()).works if isinstance(work, JobGroup)}
    assert sizes == {group.id: 60, again.id: 3}


async def test_a_group_in_which_others_may_stand_for_some() -> None:
    """The server lists no jobs of such a group: those that were found are it, in their order."""
    group = await nbqueue.options(queue="nobody", unique=60).submit_map(abs, [1, 2, 3])
    (found,) = (await nbqueue.attach()).works
    assert isinstance(found, JobGroup)
    assert (found.id, sorted(found.ids)) == (group.id, sorted(group.ids))
    assert await found.cancel() == {"cancelled": 3}


async def test_all_that_live_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many it leaves out, and has all of the groups that it has jobs of."""
    monkeypatch.setattr(attaching, "MOST", 10)
    for number in range(30):
        await nbqueue.options(queue="singles").submit(abs, number)
    await nbqueue.options(queue="grouped").submit_map(abs, range(500))
    found = await nbqueue.attach(everywhere=True)
    assert (len(found), found.more) == (500, 30)
    assert repr(found).splitlines()[0] == "<500 jobs of all queues, waiting or running; 30 more wait or run>"
    assert await found.cancel() == {"cancelled": 500}
    found = await nbqueue.attach(everywhere=True)
    assert (len(found), found.more) == (10, 20)


async def test_what_is_held_back_everywhere_counts() -> None:
    """Jobs that wait for others are among those that wait."""
    first = await nbqueue.options(queue="a", delay=60).submit(abs, 1)
    await nbqueue.options(queue="b", after=[first]).submit_map(abs, range(30))
    found = await nbqueue.jobs.recent(5, everywhere=True)
    assert (len(found), found.more) in {(30, 1), (31, 0)}
    assert (len(await nbqueue.attach(everywhere=True)), found.is_cut) == (31, found.more > 0)


def fail(number: int) -> int:
    """Fail for one."""
    if number == 1:
        raise ValueError("one")
    return number


async def test_ended_jobs_have_their_results(running_engine: Engine) -> None:  # noqa: ARG001 - runs the jobs
    """A value, an error with its traceback, and those of a group that goes on."""
    await nbqueue.submit(sum, [1, 2])
    with pytest.raises(JobFailed):
        await nbqueue.run(fail, 1)
    group = await nbqueue.submit_map(fail, [2, 3])
    await group
    ended = (await nbqueue.attach()).ended
    assert [job.label for job in ended] == ["fail", "fail", "fail", "sum"]
    assert [await ended[0], await ended[1], await ended[3]] == [3, 2, 3]
    with pytest.raises(JobFailed, match="ValueError: one") as failed:
        await ended[2]
    assert 'raise ValueError("one")' in failed.value.remote_traceback


@pytest.mark.parametrize("limit", [0, -1, True, 1.5])
def test_an_odd_limit_is_refused(limit: int) -> None:
    """At once, in a sentence."""
    with pytest.raises(ConfigurationError, match="a whole number from 1 up"):
        nbqueue.jobs.recent(limit)


async def test_odd_entries_hide_no_job(server: Server) -> None:
    """What none of ours wrote into the set of this notebook, or where the jobs of a group are listed."""
    group = await nbqueue.options(queue="nobody").submit_map(abs, range(2))
    job = await nbqueue.options(queue="nobody").submit(abs, 1)
    here = origin()
    with server.client() as client:
        key = Keys().owner(here.user, here.folder, here.notebook)
        client.zadd(key, {b"\xff\xfe": 1, b"group \xff": 2, "group typed": 3, "unknown": 4})
        client.set("nbq:group:typed", "odd", ex=60)
        client.set("nbq:members:typed", "odd", ex=60)
    assert {work.id for work in (await nbqueue.attach()).works} == {job.id, group.id}


async def test_what_was_found_is_awaited_as_one(running_engine: Engine) -> None:
    """The results come in the order of what was found, also in sync code and of a part; an error is raised as such."""
    del running_engine
    good = [await nbqueue.submit(abs, -number) for number in range(3)]
    assert await asyncio.gather(*good) == [0, 1, 2]
    found = await nbqueue.attach()
    assert {job.id for job in found} == {job.id for job in good}
    assert sorted(await found) == [0, 1, 2]
    assert await found == [await job for job in found] == await asyncio.to_thread(found.wait, 10)
    assert await found[:2] == [await found[0], await found[1]]
    assert await found[3:] == []
    bad = await nbqueue.submit(fail, 1)
    with pytest.raises(JobFailed):
        await bad
    everything = await nbqueue.attach()
    with pytest.raises(JobFailed, match="ValueError: one"):
        await everything
    errors = [each for each in await everything.results(return_errors=True) if isinstance(each, JobFailed)]
    assert [error.job_id for error in errors] == [bad.id]


async def test_a_group_that_has_ended_is_had_again(running_engine: Engine) -> None:  # noqa: ARG001 - runs the jobs
    """By its id, with the results in their order and what failed, and without what was deleted."""
    group = await nbqueue.submit_map(inverse, [1, 0, 4, 5])
    await group.results(return_errors=True)
    await group[3].delete()
    again = await nbqueue.attach(group=group.id)
    assert (again.id, again.ids, again.label) == (group.id, group.ids[:3], "inverse")
    first, failed, last = await again.results(return_errors=True)
    assert (first, type(failed), last) == (1, JobFailed, 0.25)
    assert await again.progress() == {State.SUCCEEDED: 3, State.FAILED: 1}
    await group.delete()
    for found, sentence in (
        (nbqueue.attach(group=group.id), f'The server knows no group "{group.id}": check the id'),
        (
            nbqueue.attach(group.id),
            f'The server knows no job "{group.id}": check the id',
        ),
    ):
        with pytest.raises(JobLost, match=sentence):
            await found
    with pytest.raises(ConfigurationError, match="leave the others out"):
        nbqueue.attach(group=group.id, everywhere=True)  # type: ignore[call-overload]
