"""A stack that somebody has ended stays ended, whoever still waits for it, until somebody wants it."""

import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import nbqueue
from nbqueue import Job, Queue, configure, options, submit
from nbqueue.client.portal import shutdown
from nbqueue.errors import BrokerUnavailable, JobFailed
from nbqueue.local import stack
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.local.stacks import Stack, kill
from tests.waiting import wait_until


@pytest.fixture
def client(settings: Settings) -> Iterator[Settings]:
    """A session on a local stack with its own worker."""
    given = replace(settings, url=None)
    yield configure(given)
    shutdown()
    stack.stop(given)


def test_who_waits_does_not_start_what_was_ended(client: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """They go on waiting and are told why; the next submit starts it, and then they have what they waited for."""
    job = options(delay=60).submit(abs, -1).wait()
    live = job.live()
    wait_until(lambda: live.record.state is State.SCHEDULED)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(job.wait, 60)
        assert stack.stop(client).server.running
        wait_until(lambda: "was ended (`nbqueue down`): the next submit starts it again" in caplog.text)
        assert live.reconnecting
        with pytest.raises(BrokerUnavailable, match=r"was ended \(`nbqueue down`\)"):
            Queue("default").stats().wait(10)
        assert not stack.status(client).server.running
        assert not stack.status(client).keeper.running
        assert submit(abs, -2).wait(20).wait(20) == 2
        job.promote().wait(10)
        assert waiting.result() == 1
    wait_until(lambda: live.record.state is State.SUCCEEDED and not live.reconnecting)
    live.close()
    assert [record for record in caplog.records if record.levelno > logging.WARNING] == []


def test_who_begins_to_wait_goes_on_waiting(client: Settings) -> None:
    """Also in a session that has only asked so far, whose first submit wakes the stack."""
    with ThreadPoolExecutor(1) as other:
        job = options(delay=60).submit(abs, -1).wait()
        configure(client)
        assert Queue("default").stats().wait(10).scheduled == 1
        stack.stop(client)
        waiting = other.submit(Job[int](job.id).wait, 60)
        assert options(queue="nobody").submit(abs, -2).wait(20).id
        job.promote().wait(10)
        assert waiting.result() == 1


@pytest.mark.parametrize("act", ["retry", "schedule", "trigger"])
def test_whatever_runs_something_starts_what_was_ended(client: Settings, act: str) -> None:
    """A retry and a schedule do as a submit does."""
    job = submit(math.sqrt, -1).wait()
    with pytest.raises(JobFailed):
        job.wait(20)
    schedule = nbqueue.schedule(nbqueue.Every(3600), sum, [2]).wait(10) if act == "trigger" else None
    configure(client)
    assert Queue("default").stats().wait(10).queued == 0
    stack.stop(client)
    if act == "retry":
        with pytest.raises(JobFailed):
            Job[float](job.id).retry().wait(20).wait(20)
    elif schedule is None:
        nbqueue.schedule(nbqueue.Every(3600), sum, [2]).wait(20)
        assert stack.status(client).server.running
    else:
        assert schedule.trigger().wait(20).wait(20) == 2


def test_who_waits_starts_what_has_crashed(client: Settings) -> None:
    """The server and its keeper together, so that nothing but the waiting client is left."""
    job = options(delay=1.0).submit(abs, -1).wait()
    live = job.live()
    wait_until(lambda: live.record.state is State.SCHEDULED)
    before = Stack(client).status()
    assert before.keeper.pid
    assert before.server.pid
    for pid in (before.keeper.pid, before.server.pid):
        kill(pid)
    wait_until(lambda: stack.status(client).keeper.running and stack.server_is_up(client), 20)
    assert job.wait(20) == 1
    live.close()


def test_up_starts_what_was_ended(client: Settings) -> None:
    """And whoever waits finds it."""
    job = options(delay=0.5).submit(abs, -1).wait()
    stack.stop(client)
    stack.ensure(client)
    assert job.wait(20) == 1
