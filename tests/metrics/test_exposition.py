"""What Prometheus is told of queues, jobs, workers and the server."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import nbqueue
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.metrics.exposition import exposition
from nbqueue.model.settings import Settings
from tests.metrics.scraped import counted, parsed, scrape
from tests.servers import Server, running_server
from tests.waiting import SLACK, until
from tests.workers import running_worker

#: a thousand attempts, of which a tenth failed, a tenth was retried and a tenth was lost; 30 ms waited and 2 s run each
STATES = ("failed", "retried", "lost", *["succeeded"] * 7)


def doubled(number: int) -> int:
    """A job that goes well."""
    return 2 * number


def broken() -> None:
    """One that does not."""
    raise ValueError("broken")


def held(folder: str) -> None:
    """One that runs until it may end."""
    Path(folder, "runs").touch()
    while not Path(folder, "end").exists():
        time.sleep(0.02)


async def test_jobs_are_told_by_state_queue_and_function(settings: Settings) -> None:
    """What waits, what runs, what ended and how, and who works: with the same names in every process."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1", "--queues", "default,other"):
        await (await nbqueue.submit_map(doubled, range(3)))
        failing = await nbqueue.options(queue="other", retry=nbqueue.RetryPolicy(max_tries=2, base=0.01)).submit(broken)
        with pytest.raises(nbqueue.JobFailed):
            await failing
        await nbqueue.options(delay=1000).submit(doubled, 1)
        await nbqueue.submit(held, str(settings.home))
        await until((settings.home / "runs").exists, 20)
        await nbqueue.submit(doubled, 2)
        await nbqueue.schedule("0 0 1 1 *", doubled, 3)
        found = await scrape(str(settings.url))
        (settings.home / "end").touch()
    assert found["nbqueue_up"] == {(): 1}
    assert counted(found, "nbqueue_jobs") == {
        ("default", "queued"): 1, ("default", "running"): 1, ("default", "scheduled"): 1,
    }  # fmt: skip
    assert counted(found, "nbqueue_jobs_ended_total") == {("default", "succeeded"): 3, ("other", "failed"): 1}
    assert counted(found, "nbqueue_attempts_total") == {
        ("broken", "other", "failed"): 1, ("broken", "other", "retried"): 1, ("doubled", "default", "succeeded"): 3,
    }  # fmt: skip
    assert found["nbqueue_wait_seconds_count"] == {("broken", "other"): 2, ("doubled", "default"): 3}
    assert found["nbqueue_run_seconds_bucket"]["doubled", "+Inf", "default"] == 3
    assert found["nbqueue_queue_workers"] == {("default",): 1, ("other",): 1}
    assert [sum(found[f"nbqueue_{name}"].values()) for name in ("workers", "host_slots", "host_jobs")] == [1, 1, 1]
    assert 0 < found["nbqueue_oldest_wait_seconds"]["default",] < 20 * SLACK
    assert [each < 20 * SLACK for each in counted(found, "nbqueue_oldest_run_seconds").values()] == [True]
    assert found["nbqueue_oldest_run_seconds"]["default",] > 0
    [(_, state)] = counted(found, "nbqueue_schedule_state")
    assert (state, list(found["nbqueue_schedule_overdue_seconds"].values())) == ("active", [0])
    assert counted(found, "nbqueue_build_info") == {(nbqueue.__version__,): 1}
    assert found["nbqueue_attempts_uncounted"] == {(): 0}


async def test_what_is_held_back_is_told_by_its_cause(settings: Settings) -> None:
    """All that waits in a paused queue is held by its pause, but for what something else holds as well."""
    nbqueue.configure(settings)
    await nbqueue.options(queue="bulk").submit_map(doubled, range(3))
    await nbqueue.Queue("bulk").pause()
    await nbqueue.options(queue="bulk", delay=1000).submit(doubled, 1)
    found = await scrape(str(settings.url))
    assert counted(found, "nbqueue_jobs_held_back") == {("pause", "bulk"): 3}
    assert counted(found, "nbqueue_jobs_ready") == {}


async def test_what_no_worker_can_start_is_not_late(settings: Settings) -> None:
    """A job that needs what no worker has waits for a worker; one whose resources are in use waits for these."""
    nbqueue.configure(settings)
    with running_worker(settings, "--resources", "gpu=1"):
        await nbqueue.options(labels=["site=moon"]).submit(doubled, 1)
        await nbqueue.options(resources={"gpu": 2}).submit(doubled, 1)
        await until(_is_held(settings, {("worker", "default"): 2}), 20)
        found = await scrape(str(settings.url))
        assert counted(found, "nbqueue_oldest_wait_seconds") == {}
        await nbqueue.options(resources={"gpu": 1}).submit(held, str(settings.home))
        await until((settings.home / "runs").exists, 20)
        await nbqueue.options(resources={"gpu": 1}).submit(doubled, 1)
        await until(_is_held(settings, {("worker", "default"): 2, ("resources", "default"): 1}), 20)
        assert counted(await scrape(str(settings.url)), "nbqueue_oldest_wait_seconds").keys() == {("default",)}
        (settings.home / "end").touch()


def _is_held(settings: Settings, expected: dict[tuple[str, str], int]) -> Callable[[], Awaitable[bool]]:
    async def held_so() -> bool:
        return counted(await scrape(str(settings.url)), "nbqueue_jobs_held_back") == expected

    return held_so


async def test_whoever_asks_counts_each_attempt_once(server: Server) -> None:
    """Of many who ask at the same time each tells the whole, and whoever comes later counts on from there."""
    _wrote(server, 1000)
    together = await asyncio.gather(*(scrape(server.url) for _ in range(8)))
    _wrote(server, 500)
    later = await scrape(server.url)
    expected = {("f", "q", "failed"): 100, ("f", "q", "retried"): 100, ("f", "q", "lost"): 100,
                ("f", "q", "succeeded"): 700}  # fmt: skip
    assert [counted(each, "nbqueue_attempts_total") for each in together] == [expected] * 8
    assert counted(later, "nbqueue_attempts_total") == {labels: 1.5 * count for labels, count in expected.items()}
    buckets = {limit: count for (_, limit, _), count in later["nbqueue_wait_seconds_bucket"].items()}
    assert (buckets["0.01"], buckets["0.05"], buckets["+Inf"]) == (0, 1500, 1500)
    assert later["nbqueue_run_seconds_sum"] == {("f", "q"): 3000}


async def test_who_may_only_look_counts_for_itself(server: Server) -> None:
    """With the rights to read alone the numbers are the same, and go on from answer to answer."""
    with server.client() as admin:
        rights = "on nopass %R~* -@all +@read +info +time +client|setname +client|setinfo +select"
        admin.execute_command("ACL", "SETUSER", "looker", *rights.split())
        client = open_redis(parse_url(server.url.replace("unix://", "unix://looker:any@")), name="")
        counts = []
        for more in (100, 50):
            _wrote(server, more)
            found = parsed((await exposition(client, Keys())).body)
            counts.append((found["nbqueue_up"][()], sum(found["nbqueue_attempts_total"].values())))
        await client.aclose()
        assert (counts, admin.exists("nbq:tallies")) == ([(1, 100), (1, 150)], 0)
        admin.acl_deluser("looker")


async def test_names_have_a_bound(server: Server) -> None:
    """Of very many functions the first 200 have series of their own, the others one together."""
    _wrote(server, 300, function="f{}")
    found = (await scrape(server.url))["nbqueue_wait_seconds_count"]
    assert (len(found), found["(others)", "q"], sum(found.values())) == (201, 100, 300)


#: functions, how many days ago they were called; and which of them are told of then, or count as one of the others
CALLS = (("old", 200, 3), ("young", 100, 1.5), ("new", 150, 0), ("more", 60, 0))
TOLD = ({"old": 200}, {"young": 100}, {"new": 150}, {"new": 150, "more": 50, "(others)": 1})


async def test_names_give_way_after_a_day(server: Server) -> None:
    """Pairs without an attempt for a day are forgotten where a new one finds no place, and not before."""
    _counted_long_ago(server, "")
    for (function, count, days_ago), told in zip(CALLS, TOLD, strict=True):
        _wrote(server, count, function=function + "{}", days_ago=days_ago)
        assert await _told_of(server) == told
    with server.client() as client:
        kept = [json.loads(field)[2] for field in client.hkeys("nbq:tallies") if field != b"to"]
    assert Counter(name.strip("0123456789") for name in set(kept)) == TOLD[-1]
    assert (await scrape(server.url))["nbqueue_wait_seconds_count"]["(others)", "q"] == 10


async def test_names_give_way_within_one_turn(server: Server) -> None:
    """Who counts days at once counts as those who counted all the time."""
    _counted_long_ago(server, "late:")
    for function, count, days_ago in CALLS:
        _wrote(server, count, function=function + "{}", days_ago=days_ago, prefix="late:")
    assert await _told_of(server, "late") == await _told_of(server, "late") == TOLD[-1]


def _counted_long_ago(server: Server, prefix: str) -> None:
    with server.client() as client:
        client.hset(f"{prefix}nbq:tallies", "to", "1-0")
        client.expire(f"{prefix}nbq:tallies", 60)


async def _told_of(server: Server, namespace: str = "") -> Counter[str]:
    """How many functions have series of their own, by their names without numbers."""
    found = await scrape(server.url, namespace)
    return Counter(function.strip("0123456789") for function, _ in found["nbqueue_wait_seconds_count"])


async def test_many_queues_have_a_bound(server: Server) -> None:
    """Of more than 200 queues those with most jobs are told of, and how many are not."""
    with server.client() as client:
        client.sadd("nbq:queues", *(f"q{number}" for number in range(250)))
        client.zadd("arq:queue:q249", {"job": 1})
    found = await scrape(server.url)
    assert found["nbqueue_queues_left_out"] == {(): 50}
    assert (len(found["nbqueue_queue_paused"]), found["nbqueue_jobs"]["q249", "queued"]) == (200, 1)


async def test_other_namespaces_are_not_told(server: Server) -> None:
    """Metrics are of one namespace."""
    _wrote(server, 10, prefix="theirs:")
    ours, theirs = await scrape(server.url), await scrape(server.url, "theirs")
    assert (counted(ours, "nbqueue_attempts_total"), len(counted(theirs, "nbqueue_attempts_total"))) == ({}, 4)


async def test_what_others_wrote_hides_nothing(server: Server) -> None:
    """Keys of wrong types and lines that are no records cost only themselves."""
    _wrote(server, 10)
    with server.client() as client:
        client.sadd("nbq:queues", "q", "strange")
        client.set("arq:queue:strange", "text")
        client.hset("nbq:tallies", mapping={"text": "1", "[1, 2]": "1", '["attempts", "q", "f", "lost"]': "many"})
        client.hset(
            "nbq:tallies", mapping={r'["attempts", "q", "\udfff", "lost"]': "1", '["a", "b", "c", 1]': "9" * 5000}
        )
        client.xadd("nbq:history:q", {"records": '[]\n{"queue": 1}\nnull', "to": 13})
    found = await scrape(server.url)
    assert sum(found["nbqueue_attempts_total"].values()) == 10
    assert found["nbqueue_queue_paused"] == {("q",): 0}


async def test_lines_that_others_wrote_end_nothing(server: Server) -> None:
    """Half a character in a name is told as "?", and times of no age of ours are not added up; later lines count."""
    _wrote(server, 10, function="\ud800")
    for started in (10**400, -(10**400), 10**300, 10**19, -(10**17)):
        _wrote(server, 1, started=started)
    first = await scrape(server.url)
    _wrote(server, 10)
    found = await scrape(server.url)
    assert {function for function, *_ in first["nbqueue_attempts_total"]} == {"?", "f"}
    assert sum(found["nbqueue_attempts_total"].values()) == 25
    assert found["nbqueue_wait_seconds_count"] == {("?", "q"): 10, ("f", "q"): 10}


async def test_a_server_that_is_away_is_told() -> None:
    """Where the server does not answer, that is what the metrics say; later they are there again."""
    with running_server() as server:
        client = open_redis(parse_url(server.url))
        server.process.kill()
        server.process.wait()
        gone = await exposition(client, Keys())
        await client.aclose()
    assert parsed(gone.body) == {"nbqueue_up": {(): 0}}
    assert gone.content_type.startswith("text/plain")


async def test_openmetrics_is_spoken_to_those_who_ask_for_it(server: Server) -> None:
    """The header Accept chooses the format."""
    client = open_redis(parse_url(server.url))
    answer = await exposition(client, Keys(), accept="application/openmetrics-text; version=1.0.0")
    await client.aclose()
    assert (answer.content_type.split(";")[0], answer.body[-6:]) == ("application/openmetrics-text", b"# EOF\n")


def _wrote(
    server: Server, count: int, *, function: str = "f", prefix: str = "", days_ago: float = 0, started: int = 0
) -> None:
    """The history of attempts of queue "q" that ended now, or some days ago, as the scripts write it."""
    with server.client() as client:
        seconds, micro = client.time()
        now = 1000 * seconds + micro // 1000 - int(days_ago * 86_400_000)
        lines = [
            json.dumps({"job": f"j{number}", "attempt": 1, "state": STATES[number % 10], "queue": "q",
                        "function": function.format(number), "submitted": now - 2030, "due": now - 2030,
                        "started": started or now - 2000})
            for number in range(count)
        ]  # fmt: skip
        client.sadd(f"{prefix}nbq:queues", "q")
        total = client.hincrby(f"{prefix}nbq:histories", "total", count)
        client.hset(f"{prefix}nbq:histories", "at", now)
        client.xadd(f"{prefix}nbq:history:q", {"records": "\n".join(lines), "to": total}, id=f"{now}-{total}")
