"""Limits: how many at once, how often, and against which resources."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from nbqueue import ConfigurationError, Queue, State, options, submit


def visit(ledger: str, name: str, seconds: float = 0.2) -> str:
    """Writes when it begins and ends."""
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write(f"+{name} {time.time()}\n")
    time.sleep(seconds)
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write(f"-{name} {time.time()}\n")
    return name


def most_at_once(ledger: Path) -> int:
    """How many were inside at the same time."""
    inside = most = 0
    for line in ledger.read_text().splitlines():
        inside += 1 if line.startswith("+") else -1
        most = max(most, inside)
    return most


async def test_no_more_at_once_than_allowed(tmp_path: Path) -> None:
    """`concurrency=1` lets one of the function run at a time, over all workers; others pass it."""
    ledger = tmp_path / "ledger"
    single = options(concurrency=1)
    jobs = [await single.submit(visit, str(ledger), name) for name in "abc"]
    other = await submit(time.sleep, 0)
    await other
    assert [await job for job in jobs] == ["a", "b", "c"]
    assert most_at_once(ledger) == 1


async def test_a_key_stands_for_a_licence(tmp_path: Path) -> None:
    """Different functions with one `limit_key` count together: so many licences, so many jobs."""
    ledger = tmp_path / "ledger"
    licensed = options(limit_key="gurobi", concurrency=1)
    first = await licensed.submit(visit, str(ledger), "first")
    second = await licensed.submit(lambda path: visit(path, "second"), str(ledger))
    assert (await first, await second) == ("first", "second")
    assert most_at_once(ledger) == 1


async def test_a_rate() -> None:
    """`rate="2/s"` starts two in any second; what is over it waits without taking a slot."""
    polite = options(rate="2/s")
    jobs = [await polite.submit(time.sleep, 0) for _ in range(5)]
    for job in jobs:
        await job
    starts = sorted([at.timestamp() for job in jobs if (at := (await job.info()).started_at)])
    assert len(starts) == 5
    assert starts[2] - starts[0] >= 0.999
    assert starts[4] - starts[2] >= 0.999


async def test_a_limit_can_be_changed_while_jobs_wait(tmp_path: Path) -> None:
    """`Queue.limits` counts from now on, for waiting jobs too; without a number there is no limit."""
    queue, ledger = Queue(), tmp_path / "ledger"
    await queue.limits(concurrency=1)
    jobs = [await submit(visit, str(ledger), str(number)) for number in range(3)]
    await jobs[0]
    await queue.limits(remove=True)
    for job in jobs:
        await job
    assert (await queue.stats()).ended[State.SUCCEEDED] == 3


async def test_resources_wait_for_a_worker_that_offers_them() -> None:
    """A job that needs what no worker has waits, says so, and holds up nobody."""
    job = await options(resources={"gpu": 1}).submit(time.sleep, 0)
    await (await submit(time.sleep, 0))
    assert await job.state() is State.QUEUED
    assert (await Queue().stats()).held_back == {"r:gpu=1": 1}
    assert await job.cancel() == "cancelled"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rate": "often"}, "rate='often' cannot be read: write it as \"20/min\""),
        ({"rate": "0/s"}, "out of range"),
        ({"concurrency": 0}, "give a whole number from 1"),
        ({"resources": ["gpu"]}, "give a dict"),
        ({"resources": {"gpu": -1}}, "gpu=-1"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(given: dict[str, object], sentence: str) -> None:
    """A wrong limit raises where it is written, in one sentence."""
    with pytest.raises(ConfigurationError, match=sentence):
        options(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"key": 5}, "key=5 cannot be used: give printable text of 1 to 200 characters."),
        ({"key": ""}, "key='' cannot be used"),
        ({"function": ""}, 'function="" names no function: leave it out to set the limit of the queue itself.'),
        ({"function": 5}, "function=5 cannot be used: give the function, or its qualified name."),
    ],
)  # fmt: skip
async def test_what_a_limit_cannot_count_by_is_refused(given: dict[str, Any], sentence: str) -> None:
    """Nothing is set then."""
    with pytest.raises(ConfigurationError, match=re.escape(sentence)):
        await Queue().limits(**given, rate="1/s")
    assert await Queue().limits() == {}


async def test_a_limit_is_set_for_one_thing() -> None:
    """`limits` takes a key or a function, not both."""
    with pytest.raises(ConfigurationError, match="limits takes key= or function=, one of them"):
        await Queue().limits(key="gurobi", function="visit", concurrency=1)
