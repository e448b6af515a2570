"""The log of a worker of arq's own classes, for programs: each step of a job has its fields, whatever it came to."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from arq import ArqRedis

from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import SLACK, until
from tests.worker.stocks import enqueue, result
from tests.workers import Worker, running_worker

MODULE = "tests.worker.logged_settings"
SECRET = 400_000_007


@pytest.fixture(autouse=True)
def _for_programs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCK_SOCKET", str(server.path))


async def test_jobs_that_never_start_have_their_fields(settings: Settings, pool: ArqRedis) -> None:
    """Expired, unknown, unreadable, tried too often, aborted before: why stands there, and no time that they took."""
    jobs = [
        await enqueue(pool, "double", 1, _job_id="unread"),
        await enqueue(pool, "double", 1, _job_id="gone"),
        await enqueue(pool, "nobodys", _job_id="unknown"),
        await enqueue(pool, "double", 1, _job_id="often", _job_try=9),
    ]
    await pool.set("arq:job:unread", b"junk", ex=60)
    await pool.delete("arq:job:gone")
    early = await enqueue(pool, "double", 1, _job_id="early")
    aborting = asyncio.create_task(early.abort(timeout=20, poll_delay=0.05))
    await until(lambda: _is_marked(pool, "early"))
    with _telling(settings, "WorkerSettings") as worker:
        assert await aborting
        for job in jobs:
            with pytest.raises(Exception):  # noqa: B017, PT011 - arq has several kinds
                await result(job)
        await until(lambda: len(_lines(worker)) == 5)
        found = _lines(worker)
    failed = "JobExecutionFailed"
    assert {key: _about(each) for key, each in found.items()} == {
        ("unread", "ended"): (None, 1, "failed", None, "DeserializationError", "unable to deserialize job", None),
        ("gone", "ended"): (None, 1, "failed", None, failed, "job expired", None),
        ("unknown", "ended"): ("nobodys", 1, "failed", None, failed, "function 'nobodys' not found", None),
        ("often", "ended"): ("double", 9, "failed", None, failed, "max 5 retries exceeded", None),
        ("early", "ended"): ("double", 1, "cancelled", "cancel", None, None, None),
    }
    assert [each for each in found.values() if "run_s" in each or each["queue"] != "arq:queue"] == []


async def test_jobs_that_ran_have_their_fields(settings: Settings, pool: ArqRedis) -> None:
    """Done, failed, tried again, aborted, given back; a class that says nothing of the log has no values in it."""
    with _telling(settings, "WorkerSettings") as worker:
        late = await enqueue(pool, "stay", _job_id="late")
        with pytest.raises(ValueError, match="no such thing"):
            await result(await enqueue(pool, "fail", _job_id="bad"))
        assert await result(await enqueue(pool, "double", SECRET, _job_id="good")) == 2 * SECRET
        assert await result(await enqueue(pool, "again", 2, _job_id="twice")) == 2
        await until(lambda: ("late", "started") in _lines(worker))
        assert await late.abort(timeout=20, poll_delay=0.05)
        await enqueue(pool, "stay", _job_id="left")
        await until(lambda: ("left", "started") in _lines(worker))
        worker.signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.exit_code, 10 * SLACK) == 0
        found, text = _lines(worker), worker.log
    ends = {key: each for key, each in found.items() if key[1] != "started"}
    assert {key: _about(each) for key, each in ends.items()} == {
        ("bad", "ended"): ("fail", 1, "failed", None, "ValueError", "no such thing", None),
        ("good", "ended"): ("double", 1, "succeeded", None, None, None, None),
        ("twice", "retried"): ("again", 1, None, None, None, None, 0.05),
        ("twice", "ended"): ("again", 2, "succeeded", None, None, None, None),
        ("late", "ended"): ("stay", 1, "cancelled", "cancel", None, None, None),
        ("left", "retried"): ("stay", 1, None, "shutdown", None, None, 0),
    }
    assert [each for each in ends.values() if "run_s" not in each or each["queue"] != "arq:queue"] == []
    assert (str(SECRET) in text, str(2 * SECRET) in text) == (False, False)


async def test_a_class_may_ask_for_arguments_and_results(settings: Settings, pool: ArqRedis) -> None:
    """Then both are in the sentence, and the fields are the same as ever."""
    with _telling(settings, "Telling") as worker:
        assert await result(await enqueue(pool, "double", SECRET, _job_id="good")) == 2 * SECRET
        await until(lambda: ("good", "ended") in _lines(worker))
        found = _lines(worker)
    began, ended = found["good", "started"], found["good", "ended"]
    assert (f"double({SECRET})" in began["message"], str(2 * SECRET) in ended["message"]) == (True, True)
    assert set(ended) == {
        "at", "level", "logger", "message", "pid", "event", "job", "queue", "function", "attempt", "run_s", "state",
    }  # fmt: skip


@contextmanager
def _telling(settings: Settings, name: str) -> Iterator[Worker]:
    """A worker of such a class; its log is for programs."""
    with running_worker(settings, f"{MODULE}:{name}", "--log-format", "json") as worker:
        yield worker


def _lines(worker: Worker) -> dict[tuple[str, str], dict[str, Any]]:
    """What its log has of jobs, by job and event; all of it are objects."""
    whole = worker.log.rpartition("\n")[0].splitlines()
    return {(each["job"], each["event"]): each for each in map(json.loads, whole) if "event" in each}


def _about(line: dict[str, Any]) -> tuple[Any, ...]:
    names = ("function", "attempt", "state", "stopped_by", "error_type", "error", "again_in_s")
    return tuple(line.get(name) for name in names)


async def _is_marked(pool: ArqRedis, job_id: str) -> bool:
    return await pool.zscore("arq:abort", job_id) is not None
