"""A queue's statistics: rate, waits and runs, memory, and what was counted in each minute."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import nbqueue
from nbqueue import Queue, State
from nbqueue.broker.keys import Keys
from nbqueue.client.submitter import options, submit
from nbqueue.model.retention import Retention
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import SLACK
from tests.workers import running_worker

MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def _session(settings: Settings) -> Iterator[None]:
    nbqueue.configure(settings)
    return iter([None])


def test_numbers_tell_of_what_ran(settings: Settings) -> None:
    """Rate, percentiles and the server's memory, as real jobs made them; a job that waits is the oldest."""
    with running_worker(settings, "--slots", "1"):
        for _ in range(3):
            submit(time.sleep, 0.05).wait(20).wait(20)
    options(expires=3600).submit(len, "abc").wait(5)
    found = Queue().stats().wait(5)
    assert found.ended == {State.SUCCEEDED: 3}
    assert 2 <= (found.per_minute or 0) <= 3
    assert found.runs_s is not None
    assert found.waits_s is not None
    assert found.runs_s.attempts == found.waits_s.attempts == 3
    assert 0.05 <= found.runs_s.p50 <= found.runs_s.p90 <= found.runs_s.p99 < 5 * SLACK
    assert found.oldest_s is not None
    assert 0 <= found.oldest_s < 10 * SLACK
    assert found.memory is not None
    assert 0 < found.memory.used_bytes < found.memory.limit_bytes
    assert not found.memory.warning


def test_a_queue_that_was_never_used_has_no_times() -> None:
    """Nothing waits, and nothing ran: no number is made up."""
    found = Queue("never").stats().wait(5)
    assert (found.oldest_s, found.waits_s, found.runs_s, found.per_minute) == (None, None, None, 0)


def test_percentiles_are_of_the_last_hour(server: Server) -> None:
    """Of what is in the history, whatever else somebody wrote there; the newest thousand attempts at most."""
    now = round(time.time() * 1000)
    with server.client() as client, client.pipeline() as pipe:
        pipe.sadd(Keys().queues, "default")
        old = json.dumps({"due": now - 9_000_000, "started": now - 8_000_000})
        pipe.xadd(Keys().history("default"), {"records": old}, id=f"{now - 7_000_000}-1")
        for number in range(1, 101):
            line = json.dumps({"submitted": now - 1000 * number - 5000, "started": now - 5000})
            pipe.xadd(Keys().history("default"), {"records": f"[]\n{{\n{line}"}, id=f"{now - 5000 + 100 * number}-1")
        pipe.execute()
    found = Queue().stats().wait(5)
    assert found.waits_s is not None
    assert found.waits_s.attempts == 100
    assert found.waits_s.p50 == pytest.approx(50.5)
    assert found.waits_s.p99 == pytest.approx(99.01)


async def test_minutes_are_counted_by_state(server: Server) -> None:
    """What came and what ended, a row for every minute, also where nothing happened."""
    jobs = [await options(delay=60).submit(len, "abc") for _ in range(3)]
    await jobs[0].cancel()
    with server.client() as client:
        hour, minute = divmod(round(time.time() * 1000) // MINUTE_MS - 70, 60)
        client.hset(Keys().minutes(hour, "default"), mapping={f"{minute} failed": 7, "odd": "x", "99": "1"})
        client.pexpire(Keys().minutes(hour, "default"), 60_000)
    df = await Queue().per_minute(since="2h")
    assert list(df.columns) == [
        "minute",
        "submitted",
        "cancelled",
        "crashed",
        "expired",
        "failed",
        "succeeded",
        "timed_out",
    ]
    assert len(df) in (121, 122)
    assert df["minute"].is_monotonic_increasing
    assert str(df["minute"].dtype).endswith("UTC]")
    assert df[["submitted", "cancelled", "failed"]].sum().to_dict() == {"submitted": 3, "cancelled": 1, "failed": 7}
    assert df.loc[df["failed"] > 0, "minute"].iloc[0] == pd.Timestamp(
        (60 * hour + minute) * MINUTE_MS, unit="ms", tz="UTC"
    )
    short = await Queue().per_minute(since=datetime.now(UTC) - timedelta(seconds=1))
    assert len(short) in (1, 2)


async def test_no_more_than_two_weeks_of_minutes_are_kept(server: Server) -> None:
    """At a fixed cost: an hour is forgotten two weeks after its first job."""
    await (await options(delay=60).submit(len, "abc")).cancel()
    with server.client() as client:
        [*names] = client.scan_iter(match=Keys().minutes(0, "*").replace(":0:", ":*:"))
        assert [client.pttl(name) == pytest.approx(14 * 86_400_000, abs=60_000) for name in names] == [True] * len(
            names
        )
    assert len(await Queue().per_minute(since="52w")) == pytest.approx(14 * 24 * 60, abs=2)


async def test_a_retention_is_set_shown_and_taken_away(server: Server) -> None:
    """For one queue, from now on."""
    queue = Queue("q")
    assert await queue.retention() == Retention(age_s=30 * 86_400, attempts=100_000)
    assert await queue.retention(age="90d") == Retention(age_s=90 * 86_400, attempts=100_000)
    assert await queue.retention(age=timedelta(hours=2), attempts=5) == Retention(age_s=7200, attempts=5)
    assert await Queue("other").retention() == Retention()
    with server.client() as client:
        client.hset(Keys().retention, "other", "nonsense")
    assert await Queue("other").retention() == Retention()
    assert await queue.retention(remove=True) == Retention()
    assert str(await queue.retention()) == "30 days, 100,000 attempts"
    await Queue("other").retention(remove=True)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"age": "soon"}, "age='soon' is no duration: give seconds, or text such as 90s, 5min"),
        ({"age": 60}, "age=60 is out of range: give 3600 s up to ten years"),
        ({"age": True}, "age=True is no duration"),
        ({"attempts": -1}, "attempts=-1 cannot be used: give a whole number from 0"),
        ({"attempts": 2.5}, "attempts=2.5 cannot be used"),
        ({"remove": True, "attempts": 1}, "retention takes remove=True, or age= and attempts=: not both"),
    ],
)
def test_a_wrong_retention_is_told_at_once(given: dict[str, object], sentence: str) -> None:
    """In one sentence, before anything is asked."""
    with pytest.raises(nbqueue.ConfigurationError, match=sentence):
        Queue().retention(**given)  # type: ignore[arg-type]
