"""What scripts write into the history of jobs whose ends no worker records."""

import asyncio
import json
from typing import Any

from nbqueue.broker import claims, jobs, scripts
from nbqueue.broker.claims import MAX_LOSSES, Finish
from nbqueue.model.states import State
from tests.broker.store import ENGINE, KEYS, Store

MARKS: dict[str, Any] = {"label": "marked", "tags": ["a", "b"], "priority": 3}


async def lines(store: Store) -> list[dict[str, Any]]:
    """The history, a line an attempt."""
    entries = await store.client.xrange(KEYS.history("default"))
    return [json.loads(line) for _, fields in entries for line in fields[b"records"].split(b"\n")]


async def test_ends_that_no_worker_records_have_the_marks_of_the_job(store: Store) -> None:
    """Label, tags and priority stand in the lines of lost attempts, of a crash and of a cancel while it waits."""
    await store.submit("lost", **MARKS)
    for _ in range(MAX_LOSSES):
        await store.claim("lost")
        await store.reap("lost")
    await store.submit("waits", delay=60, **MARKS)
    await store.cancel("waits")
    found = await lines(store)
    assert [line["state"] for line in found] == ["lost", "lost", "crashed", "cancelled"]
    assert [{name: line[name] for name in MARKS} for line in found] == [MARKS] * 4


async def test_a_cancel_that_overrules_another_try_leaves_the_marks(store: Store) -> None:
    """The line that the finishing script writes itself has them, too."""
    await store.submit("j", **MARKS)
    [claim] = await store.claim("j")
    await scripts.run(store.client, jobs.cancel(KEYS, ["j"]))
    given_back = Finish(job_id="j", fence=claim.fence, state=State.QUEUED)
    assert await store.call("finish", claims.finish(KEYS, ENGINE, [given_back]), "j") == [True]
    [line] = await lines(store)
    assert (line["state"], {name: line[name] for name in MARKS}) == (State.CANCELLED, MARKS)


async def test_a_cancel_that_overrules_another_try_is_the_end_that_is_told(store: Store) -> None:
    """An engine says that the attempt is to be followed by another; it is not, and its line says what came instead."""
    await store.submit("j")
    [claim] = await store.claim("j")
    await scripts.run(store.client, jobs.cancel(KEYS, ["j"]))
    line = json.dumps(
        {"job": "j", "attempt": 1, "state": "retried", "error": '"state":"retried"'}, separators=(",", ":")
    )
    again = Finish(job_id="j", fence=claim.fence, state=State.SCHEDULED, charge="try", record=line)
    assert await store.call("finish", claims.finish(KEYS, ENGINE, [again]), "j") == [True]
    [found] = await lines(store)
    assert (found["state"], found["stopped_by"], found["error"]) == ("cancelled", "cancel", '"state":"retried"')


async def test_what_was_lost_with_its_worker_waits_from_then_on(store: Store) -> None:
    """The time it ran for is no wait; where that was stands in the line of what was lost."""
    await store.client.hset(KEYS.engine(ENGINE), mapping={"host": "here", "python": "3.12", "version": "1.0"})
    await store.submit("j")
    [before] = await store.claim("j")
    await asyncio.sleep(0.02)
    await store.reap("j")
    [after] = await store.claim("j")
    assert after.due_ms >= before.started_ms + 20
    [found] = await lines(store)
    assert (found["host"], found["py"], found["v"], found["state"]) == ("here", "3.12", "1.0", "lost")


async def test_a_job_without_tags_has_none_in_its_line(store: Store) -> None:
    """Nothing stands there instead, also where the record holds what no script wrote."""
    for job_id, text in (("none", None), ("empty", "[]"), ("broken", "{"), ("other", "7")):
        await store.submit(job_id, delay=60)
        if text is not None:
            await store.client.hset(KEYS.record(job_id), "tags", text)
        assert await store.cancel(job_id) == "removed"
    assert ["tags" in line for line in await lines(store)] == [False] * 4
