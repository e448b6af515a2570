"""What all pages of one web server share: what it knows of many queues, of schedules, and of what many have open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import nbqueue
from nbqueue.broker.overview import MOST_QUEUES
from nbqueue.client.link import Link
from nbqueue.client.session import session
from nbqueue.model.settings import Settings
from nbqueue.web.pages import followed as followed_things
from nbqueue.web.pages import hub as hubs
from nbqueue.web.pages import remains, seen
from nbqueue.web.pages.followed import JobFollowed
from nbqueue.web.pages.hub import Hub, TooMuch
from nbqueue.web.pages.views import Kind, View
from tests.servers import Server
from tests.waiting import SLACK, until
from tests.workers import Worker

SCHEDULES = View(kind=Kind.SCHEDULES)


@pytest.fixture
async def hub(base: Settings) -> AsyncIterator[Hub]:
    """What a web server of these settings knows."""
    assert base.url
    found = Hub(session(), lambda: True, "", linger_s=0.5)
    yield found
    await until(lambda: not found.is_looking, 5)


async def test_the_sums_are_of_all_queues(hub: Hub) -> None:
    """Also of those that are not listed: what waits, what is not known by name, and what ended."""
    queues = [f"many{number:02}" for number in range(MOST_QUEUES + 5)]
    for name in queues:
        await nbqueue.options(queue=name, delay=3600).submit_map(abs, [1, 2])
    small = await nbqueue.options(queue="zz-last").submit(abs, 1)
    with hub.watching(View()):
        await until(lambda: dict(seen.sums(hub.facts))["delayed"] == "70", 5)
        assert (hub.facts.left_out, len(hub.facts.queues), dict(seen.sums(hub.facts))["waiting"]) == (
            6,
            MOST_QUEUES,
            "1",
        )
        assert sum(hub.facts.unseen.values()) == 71 - len(hub.facts.jobs)
        await small.cancel()
        await until(lambda: dict(seen.sums(hub.facts))["ended a minute"] == "1", 10)


async def test_a_page_of_schedules_is_of_its_moment(hub: Hub) -> None:
    """Who reloads it sees the schedule that was just made."""
    await hub.follow(SCHEDULES, anew=True)
    await nbqueue.schedule("1h", "add", 1)
    await hub.follow(SCHEDULES, anew=True)
    assert hub.planned is not None
    assert [record.name for record in hub.planned.records] == ["add"]


async def test_a_page_of_a_job_is_of_its_moment(hub: Hub, worker: Worker) -> None:
    """Who reloads it without scripts sees how it ended, what it handed back and its attempt."""
    assert worker.process.poll() is None
    job = await nbqueue.submit("nap", 0.5)
    view = View(kind=Kind.JOB, id=job.id)
    await hub.follow(view, anew=True)
    assert await job == "awake"
    turn = hub.turn
    found = await hub.follow(view, anew=True)
    assert isinstance(found, JobFollowed)
    assert (found.record.state.value, found.remains.result) == ("succeeded", ('"awake"',))
    assert [each.state for each in found.remains.attempts] == ["succeeded"]
    assert hub.turn > turn


async def test_a_page_of_a_group_is_of_its_moment(hub: Hub, worker: Worker) -> None:
    """Who reloads it without scripts sees the states that its jobs have now."""
    assert worker.process.poll() is None
    group = await nbqueue.submit_map("nap", [0.3] * 3)
    view = View(kind=Kind.GROUP, id=group.id)
    await hub.follow(view, anew=True)
    await group
    assert _states(await hub.follow(view, anew=True)) == {"succeeded": 3}


async def test_the_page_of_what_is_gone_is_let_go(hub: Hub, module_server: Server) -> None:
    """A job that the server has forgotten is not shown to who reloads its page."""
    job = await nbqueue.options(delay=3600).submit(abs, 1)
    view = View(kind=Kind.JOB, id=job.id)
    await hub.follow(view, anew=True)
    with module_server.client() as client:
        client.delete(*client.keys(f"*{job.id}*"))
    for _ in range(2):
        with pytest.raises(nbqueue.JobLost):
            await hub.follow(view, anew=True)


async def test_what_ends_while_it_is_read_is_read_again(hub: Hub, worker: Worker, monkeypatch: Any) -> None:
    """A job that ends after its remains were read, and before it is followed, has its result on its page."""
    assert worker.process.poll() is None
    read = remains.read

    async def slowly(link: Link, job_id: str) -> Any:
        found = await read(link, job_id)
        await until(lambda: _has_ended(link, job_id), 20)
        return found

    job = await nbqueue.submit("nap", 0.3)
    monkeypatch.setattr(remains, "read", slowly)
    monkeypatch.setattr(followed_things, "MORE_LOOKS", 0)
    found = JobFollowed(job.id, hub.session)
    await found.begin()
    assert not found.remains.result
    await until(lambda: _result_of(found), 5)
    found.close()


async def test_no_more_is_followed_at_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that are loaded at the same time have the places of those that were loaded before."""
    monkeypatch.setattr(hubs, "MOST_FOLLOWED", 2)
    jobs = [await nbqueue.options(queue="rush", delay=3600).submit(abs, number) for number in range(5)]
    hub.begin()
    found = await asyncio.gather(*(hub.follow(View(kind=Kind.JOB, id=job.id)) for job in jobs), return_exceptions=True)
    assert [type(each) for each in found] == [JobFollowed] * 2 + [TooMuch] * 3


async def test_pages_that_were_left_make_room(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too much is followed the page that was left first is let go of, and only what is watched is kept."""
    monkeypatch.setattr(hubs, "MOST_FOLLOWED", 2)
    jobs = [await nbqueue.options(queue="open", delay=3600).submit(abs, number) for number in range(4)]
    views = [View(kind=Kind.JOB, id=job.id) for job in jobs]
    first, _ = [await hub.follow(view) for view in views[:2]]
    assert await hub.follow(views[0]) is first
    with hub.watching(views[0]):
        await hub.follow(views[2])
        assert await hub.follow(views[0]) is first
        with hub.watching(views[2]), pytest.raises(TooMuch):
            await hub.follow(views[3])
        assert await hub.follow(views[3]) is not None


async def test_the_jobs_of_a_group_are_read_seldom(hub: Hub, module_server: Server) -> None:
    """Whatever moves in it, those on the page are read once a second, and the others every few seconds."""
    group = await nbqueue.options(queue="moving", delay=3600).submit_map(abs, range(400))
    view = View(kind=Kind.GROUP, id=group.id)
    with hub.watching(view):
        followed = await hub.follow(view)
        assert followed is not None
        await hub.first()
        before, version = _records_read(module_server), hub.facts.version
        for number in range(8):
            await group[number].cancel()
        await until(lambda: hub.facts.version >= version + 3, 10 * SLACK)
        looks = hub.facts.version - version
        assert _records_read(module_server) - before < 400 * (looks / 5 + 2)
        await until(lambda: _states(followed) == {"cancelled": 8, "scheduled": 392}, 10)


async def _has_ended(link: Link, job_id: str) -> bool:
    return (await link.record(job_id)).state.is_final


def _result_of(followed: JobFollowed) -> tuple[str, ...]:
    followed.refresh()
    return followed.remains.result


def _states(followed: Any) -> dict[str, int]:
    states = [record.state.value for record in followed.records]
    return {state: states.count(state) for state in sorted(set(states))}


def _records_read(server: Server) -> int:
    with server.client() as client:
        return int(client.info("commandstats")["cmdstat_hgetall"]["calls"])
