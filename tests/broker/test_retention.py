"""What of the history is forgotten, and what is kept whatever its retention says."""

import json
import time
from typing import Any, Literal

import pytest

from nbqueue.broker import claims, history, jobs, retention, scripts
from nbqueue.broker.claims import FOR_EVER, Finish
from nbqueue.broker.retention import Pruned
from nbqueue.model.retention import Retention
from nbqueue.model.states import State
from tests.broker.store import ENGINE, KEYS, Store

NONE = Retention(attempts=0)
DAY_MS = 86_400_000


async def end(store: Store, name: str, *, state: State = State.SUCCEEDED, **options: Any) -> None:
    """Have a job end, without a result."""
    await store.submit(name, **options)
    [claim] = await store.claim(name)
    line = json.dumps({"job": name, "attempt": 1, "state": state.value}, separators=(",", ":"))
    finish = Finish(job_id=name, fence=claim.fence, state=state, keep_s=60, record=line)
    assert await scripts.run(store.client, claims.finish(KEYS, ENGINE, [finish])) == [True]


async def age(store: Store, by_ms: int = 2 * 3_600_000, queue: str = "default") -> None:
    """Make all that is there older, as if the clock had gone on: entries, their counts and records of jobs."""
    entries = await store.client.xrange(KEYS.history(queue))
    await store.client.delete(KEYS.history(queue))
    for entry, fields in entries:
        milliseconds, number = entry.decode().split("-")
        await store.client.xadd(KEYS.history(queue), fields, id=f"{int(milliseconds) - by_ms}-{number}")
    async for key in store.client.scan_iter(match=KEYS.record("*")):
        if finished := await store.client.hget(key, "finished"):
            await store.client.hset(key, "finished", int(finished) - by_ms)


async def prune(
    store: Store, wanted: Retention = NONE, *, after: str = "",
    mode: Literal["forget", "tell", "these"] = "forget", these: list[bytes] | None = None,
) -> Pruned:  # fmt: skip
    """One call for the default queue."""
    return await scripts.run(
        store.client, retention.prune(KEYS, "default", wanted, after=after, mode=mode, these=these or [])
    )


async def known(store: Store) -> tuple[list[str], list[str]]:
    """The jobs in the history, and those whose records are there."""

    async def ask(act: Any) -> Any:
        return await act(store.client)

    lines = [json.loads(text)["job"] async for page in history.pages(ask, KEYS) for text in page.texts]
    records = [key async for key in store.client.scan_iter(match=KEYS.record("*"))]
    return lines, sorted(key.decode().removeprefix(KEYS.record("")) for key in records)


async def test_what_is_over_the_count_goes_with_its_jobs(store: Store) -> None:
    """The oldest first, with records, logs and what else is kept of a job; as many attempts stay as are wanted."""
    for name in "abcd":
        await end(store, name)
        await store.client.rpush(KEYS.log(name), "text")
        await store.client.pexpire(KEYS.log(name), DAY_MS)
    await age(store)
    found = await prune(store, Retention(attempts=2))
    assert (found.attempts, found.jobs, found.last) == (2, 2, "")
    assert await known(store) == (["c", "d"], ["c", "d"])
    assert await store.client.exists(*(KEYS.log(name) for name in "abcd")) == 2
    assert (await prune(store, Retention(attempts=2))).attempts == 0


async def test_what_is_too_old_goes(store: Store) -> None:
    """An age that was set counts from the end of an attempt."""
    await end(store, "old")
    await age(store, 2 * DAY_MS)
    await end(store, "new")
    assert (await prune(store, Retention(age_s=86_400))).jobs == 1
    assert await known(store) == (["new"], ["new"])


async def test_the_last_hour_stays(store: Store) -> None:
    """Whatever the count says."""
    await end(store, "a")
    assert (await prune(store)).attempts == 0
    assert await known(store) == (["a"], ["a"])


async def test_a_job_whose_result_is_kept_stays(store: Store) -> None:
    """Somebody may still ask for it, over the count and beyond the age; once the result is gone so is the job."""
    await end(store, "a")
    await end(store, "b")
    await store.client.set(KEYS.result("a"), "x", px=DAY_MS)
    await age(store)
    assert (await prune(store)).jobs == 1
    assert (await prune(store, Retention(age_s=3600))).jobs == 0
    assert await known(store) == (["a"], ["a"])
    await store.client.delete(KEYS.result("a"))
    assert (await prune(store)).jobs == 1
    assert await known(store) == ([], [])
    assert not await store.client.exists(KEYS.history("default"))


async def test_members_of_a_group_stay_until_all_have_ended(store: Store) -> None:
    """By age too; their records are kept beyond their own time. Then they go, and the group with them."""
    await end(store, "a", group="g", size=2)
    await store.submit("b", group="g", size=2)
    await age(store, 31 * DAY_MS)
    await store.client.pexpire(KEYS.record("a"), 5000)
    for wanted in (NONE, Retention()):
        assert (await prune(store, wanted)).jobs == 0
    assert await store.client.pttl(KEYS.record("a")) > DAY_MS
    [claim] = await store.claim("b")
    ended = Finish(job_id="b", fence=claim.fence, state=State.SUCCEEDED, record='{"job":"b","attempt":1}')
    await scripts.run(store.client, claims.finish(KEYS, ENGINE, [ended]))
    await age(store)
    assert (await prune(store)).jobs == 2
    assert not await store.client.exists(KEYS.group("g"), KEYS.members("g"))


async def test_a_job_that_goes_on_keeps_its_earlier_attempts(store: Store) -> None:
    """Once it has ended its record goes with the line of the last attempt, not with those before."""
    await store.submit("j")
    await store.claim("j")
    await store.reap("j")
    await age(store, 3 * 3_600_000)
    assert (await prune(store)).attempts == 0
    [claim] = await store.claim("j")
    ended = Finish(job_id="j", fence=claim.fence, state=State.SUCCEEDED, record='{"job":"j","attempt":2}')
    await scripts.run(store.client, claims.finish(KEYS, ENGINE, [ended]))
    await age(store)
    first = await prune(store, Retention(attempts=1))
    assert (first.attempts, first.jobs) == (1, 0)
    second = await prune(store)
    assert (second.attempts, second.jobs) == (1, 1)


async def test_entries_are_told_and_forgotten_by_name(store: Store) -> None:
    """Who archives them reads them first; what was not told then is not forgotten."""
    await end(store, "a")
    await end(store, "b")
    await age(store)
    await store.client.set(KEYS.result("b"), "x", px=DAY_MS)
    told = await prune(store, mode="tell")
    assert [json.loads(text)["job"] for text in history.page_of(told.over).texts] == ["a"]
    assert await known(store) == (["a", "b"], ["a", "b"])
    await store.client.delete(KEYS.result("b"))
    assert (await prune(store, mode="these", these=[entry for entry, _ in told.over])).jobs == 1
    assert await known(store) == (["b"], ["b"])


async def test_a_call_looks_at_some_entries_and_says_where_it_was(store: Store) -> None:
    """Many are forgotten in several calls; what must be kept does not hold up what comes after it."""
    for number in range(3 * retention.ENTRIES):
        await end(store, str(number))
    await store.client.set(KEYS.result("0"), "x", px=DAY_MS)
    await age(store)
    first = await prune(store)
    assert (first.jobs, bool(first.last)) == (retention.ENTRIES - 1, True)
    second = await prune(store, after=first.last)
    third = await prune(store, after=second.last)
    assert (await prune(store, after=third.last)).last == ""
    assert await known(store) == (["0"], ["0"])


async def test_what_somebody_wrote_into_the_history_goes(store: Store) -> None:
    """Entries of another form, lines that are none, ids that are odd: nothing of it stays or keeps others."""
    await store.client.xadd(KEYS.history("default"), {"other": "x"}, id="5-1")
    for number, text in enumerate(("{", '{"job":7}', '{"job":"a\\u00e9\\"b"}', "[]", ""), start=2):
        await store.client.xadd(KEYS.history("default"), {"records": text, "to": number}, id=f"5-{number}")
    await end(store, "j")
    await prune(store, Retention(age_s=3600))
    assert await known(store) == (["j"], ["j"])


async def test_the_count_goes_on_when_its_counter_is_lost(store: Store) -> None:
    """From the newest entry; a counter of a wrong type is written anew."""
    await end(store, "a")
    await store.client.hset(KEYS.histories, "q:default", 1000)
    await end(store, "b")
    await store.client.delete(KEYS.histories)
    await end(store, "c")
    assert await store.client.hget(KEYS.histories, "q:default") == b"1002"
    await store.client.set(KEYS.histories, "x")
    await end(store, "d")
    assert await store.client.hget(KEYS.histories, "q:default") == b"1003"
    assert (await known(store))[0] == ["a", "b", "c", "d"]


async def test_records_are_kept_a_day_longer_than_lines(store: Store) -> None:
    """By the retention of their queue, so that whoever forgets the line finds its job; groups as well."""
    await store.client.hset(KEYS.retention, "default", Retention(age_s=90 * 86_400).to_wire())
    await end(store, "a", group="g", size=1)
    for key in (KEYS.record("a"), KEYS.group("g"), KEYS.members("g")):
        assert await store.client.pttl(key) == pytest.approx(91 * DAY_MS, abs=60_000)
    await store.client.delete(KEYS.retention)
    await end(store, "b")
    assert await store.client.pttl(KEYS.record("b")) == pytest.approx(31 * DAY_MS, abs=60_000)


async def test_entries_of_all_queues_are_in_one_order(store: Store) -> None:
    """A reader that goes on after an entry of one queue misses none of another, whatever the clock does."""
    for number in range(6):
        await store.submit(f"j{number}", queue="one" if number % 2 else "two", delay=60)
        await store.cancel(f"j{number}")
    assert [int(name[1:]) for name in (await known(store))[0]] == list(range(6))
    ahead = round(time.time() * 1000) + DAY_MS
    await store.client.hset(KEYS.histories, "at", ahead)
    await store.submit("last", queue="one", delay=60)
    await store.cancel("last")
    [(entry, _)] = await store.client.xrevrange(KEYS.history("one"), count=1)
    assert entry.startswith(str(ahead).encode())


async def test_jobs_that_are_deleted_leave_their_lines(store: Store) -> None:
    """What is forgotten by hand is forgotten but for the history."""
    await end(store, "a")
    assert await scripts.run(store.client, jobs.remove(KEYS, ["a"])) == ["deleted"]
    assert await known(store) == (["a"], [])


@pytest.mark.parametrize("queues", [("one",), ("one", "two", "three")])
async def test_who_reads_on_misses_nothing_of_any_queue(store: Store, queues: tuple[str, ...]) -> None:
    """What ends while histories are read is left for the next time, whichever queue it is of, and if it is new."""

    async def end_in(*where: str) -> None:
        for queue in where:
            name = f"j{len(ended)}"
            await store.submit(name, queue=queue, delay=60)
            await store.cancel(name)
            ended.append(name)

    ended: list[str] = []
    await end_in(*queues * 3)
    asked = 0

    async def ask(act: Any) -> Any:
        nonlocal asked
        asked += 1
        found = await act(store.client)
        if asked <= 4:
            await end_in(queues[-1], f"new-{asked}", queues[0])
        return found

    seen: list[str] = []
    last = "-"
    for _ in range(4):
        async for page in history.pages(ask, KEYS, start=last):
            seen += [json.loads(text)["job"] for text in page.texts]
            last = "(" + page.ids[-1].decode()
    assert seen == ended


async def test_a_stock_clients_job_of_the_same_id_is_not_forgotten(store: Store) -> None:
    """Its submission stands under the id of one that has ended, until it is claimed."""
    await end(store, "a")
    await age(store)
    await store.client.hset(KEYS.record("a"), mapping={"stock": "1", "key": KEYS.queue("default")})
    await store.client.set(KEYS.submission("a"), b"anew")
    await store.client.zadd(KEYS.queue("default"), {"a": 1})
    assert (await prune(store)).jobs == 0
    assert await store.client.get(KEYS.submission("a")) == b"anew"
    await store.client.zrem(KEYS.queue("default"), "a")
    assert (await prune(store)).jobs == 1


@pytest.mark.parametrize(("keep_s", "days"), [(60, 31), (60 * 86_400, 61), (FOR_EVER, 36_500)])
async def test_a_record_stays_as_long_as_its_result(store: Store, keep_s: float, days: int) -> None:
    """Also where nobody looks after the history, and its retention is short."""
    await store.client.hset(KEYS.retention, "default", Retention(age_s=3600).to_wire())
    await store.submit("a")
    [claim] = await store.claim("a")
    finish = Finish(job_id="a", fence=claim.fence, state=State.SUCCEEDED, result=b"x", keep_s=keep_s)
    await scripts.run(store.client, claims.finish(KEYS, ENGINE, [finish]))
    assert await store.client.pttl(KEYS.record("a")) == pytest.approx(days * DAY_MS, abs=60_000)
    await store.client.delete(KEYS.result("a"))
