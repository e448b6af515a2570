"""What is kept for a while ends when it should, and says so; what waits is kept until it has run."""

from datetime import UTC, datetime
from typing import Any

import pytest

from nbqueue.client.handle import Job
from nbqueue.client.known import attach
from nbqueue.client.submitter import options, submit_map
from nbqueue.errors import ResultExpired
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine, engine
from tests.servers import Server
from tests.waiting import wait_until


def test_a_result_that_nobody_read_in_time(server: Server, running_engine: Engine) -> None:
    """Once it is gone a handle says how the job ended and when, and its record tells the same."""
    job = options(keep_result=0.2).submit(len, b"abc").wait(5)
    with server.client() as client:
        wait_until(lambda: client.hget(f"nbq:job:{job.id}", "state") == b"succeeded")
        wait_until(lambda: not client.exists(f"arq:result:{job.id}"))
    late: Job[Any] = Job(job.id)
    with pytest.raises(ResultExpired, match=r"is kept no longer \(it succeeded, started 20.*, ended 20.* UTC\)"):
        late.wait(5)
    info = late.info().wait(5)
    assert info.state is State.SUCCEEDED
    assert info.finished_at is not None
    assert running_engine.ran == [job.id]


def test_a_backlog_that_is_older_than_its_results_are_kept(configured: Settings, server: Server) -> None:
    """What waited longer than that runs all the same; its result is kept from its end on, and then told as gone."""
    keep_s = 0.3
    held = options(keep_result=keep_s)
    jobs = [held.submit(len, b"abc").wait(5) for _ in range(3)]
    group = held.submit_map(len, [b"a", b"bc"]).wait(5)
    wait_until(lambda: all(_age_s(job) > 2 * keep_s for job in (*jobs, *group)))
    with engine(configured):
        assert jobs[0].wait(10) == 3
        wait_until(lambda: _are_gone(server, [job.id for job in (*jobs, *group)]))
    df = attach(group=group.id).wait(5).frame().wait(5)
    assert list(df["state"]) == ["succeeded"] * 2
    assert all("is kept no longer (it succeeded, started 20" in text for text in df["error"])
    with pytest.raises(ResultExpired, match="it succeeded"):
        Job[Any](jobs[1].id).wait(5)


def _age_s(job: Job[Any]) -> float:
    """Seconds since its submit; it waits."""
    info = job.info().wait(5)
    assert info.state is State.QUEUED
    assert info.submitted_at is not None
    return (datetime.now(UTC) - info.submitted_at).total_seconds()


def _are_gone(server: Server, ids: list[str]) -> bool:
    """Whether all have succeeded, and no result is there any more."""
    ended = all(Job[Any](job_id).state().wait(5) is State.SUCCEEDED for job_id in ids)
    with server.client() as client:
        return ended and not any(client.exists(f"arq:result:{job_id}") for job_id in ids)


def test_what_waits_has_no_end_unless_asked(server: Server) -> None:
    """Nothing of a queued, scheduled or blocked job has a TTL, however short its result is to be kept."""
    short = options(queue="nobody", keep_result=0.001, keep_error=0.001)
    first = short.submit(len, b"").wait(5)
    options(queue="nobody", delay=3600, keep_result=0.001).submit(len, b"").wait(5)
    options(queue="nobody", after=[first], keep_result=0.001).submit(len, b"").wait(5)
    submit_map(len, [b"", b""]).wait(5)
    with server.client() as client:
        theirs = [
            key for key in client.scan_iter() if key.startswith((b"arq:", b"nbq:job:", b"nbq:group:", b"nbq:mem"))
        ]
        assert len([key for key in theirs if key.startswith(b"arq:job:")]) == 5
        assert {key: client.pttl(key) for key in theirs} == dict.fromkeys(theirs, -1)
