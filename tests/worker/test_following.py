"""Workers of a least and a most of engines: they follow their queues."""

import asyncio
from pathlib import Path

import pytest

from nbqueue import options, submit, submit_map
from nbqueue.broker import queues
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.keys import Keys
from nbqueue.model.scaling import Span
from nbqueue.model.settings import Settings
from nbqueue.worker.config import WorkerConfig
from nbqueue.worker.crew import Crew
from nbqueue.worker.following import waiting
from nbqueue.worker.supervisor import persist
from tests.faults import bodies
from tests.waiting import until, wait_until
from tests.workers import Ledger, running_worker

pytestmark = pytest.mark.usefixtures("session")


def test_a_worker_has_more_engines_while_jobs_wait(settings: Settings, ledger: Ledger, tmp_path: Path) -> None:
    """As many as the queue fills and no more than the most; only what could run counts, not what is held back."""
    gate = tmp_path / "gate"
    with running_worker(settings, "--slots", "1", "--processes", "1:3") as worker:
        options(resources={"gpu": 1}).submit_map(bodies.quick, ["x"] * 9, ["x"] * 9).wait(10)
        names = [f"job-{number}" for number in range(5)]
        group = submit_map(bodies.until_told, [str(ledger.path)] * 5, names, [str(gate)] * 5).wait(10)
        ledger.wait("begin", times=3, timeout_s=30)
        assert len(worker.engine_ids()) == 3
        gate.touch()
        assert group.wait(20) == names
    assert len(ledger.lines("begin")) == 5


@pytest.mark.slow
def test_an_engine_that_is_not_needed_goes_after_a_while(settings: Settings, ledger: Ledger, tmp_path: Path) -> None:
    """What runs in it finishes, for as long as that takes; and it comes back when it is needed."""
    gates = [tmp_path / "first", tmp_path / "second"]
    words = ("--slots", "2", "--processes", "1:2", "--drain-timeout", "0")
    with running_worker(settings, *words) as worker:
        long = submit(bodies.until_told, str(ledger.path), "long", str(gates[1])).wait(5)
        for times, gate in enumerate(gates, start=1):
            group = submit_map(bodies.until_told, [str(ledger.path)] * 3, ["short"] * 3, [str(gate)] * 3).wait(10)
            ledger.wait("begin", times=1 + 3 * times, timeout_s=30)
            gate.touch()
            assert group.wait(30) == ["short"] * 3
            wait_until(lambda times=times: worker.log.count("engines from 2 to 1.") == times, 60)  # type: ignore[misc]
        assert long.wait(30) == "long"
        wait_until(lambda: len(worker.engine_ids()) == 1, 20)
    assert len(ledger.lines("begin", "long")) == 1


async def test_only_what_could_run_at_once_waits(settings: Settings) -> None:
    """Not the jobs of a queue that is paused, nor those that wait for a time; each kind is counted apart."""
    for queue in ("open", "paused"):
        await options(queue=queue).submit_map(bodies.quick, ["x"] * 3, ["x"] * 3)
        await options(queue=queue, run_in="async").submit_map(bodies.quick_async, ["x"] * 2, ["x"] * 2)
        await options(queue=queue, delay=60).submit_map(bodies.quick, ["x"] * 5, ["x"] * 5)
    client = open_redis(parse_url(str(settings.url)), name="test")
    await queues.pause(client, Keys(""), "paused")
    assert await waiting(client, Keys(""), ["open", "paused", "unknown"]) == (2, 3)
    stats = [await queues.stats(client, Keys(""), name) for name in ("open", "paused", "unknown")]
    assert [each.ready for each in stats] == [5, 0, 0]
    assert await waiting(client, Keys(""), []) == (0, 0)
    await client.aclose()


async def test_the_least_busy_engine_goes_and_never_one_of_the_first() -> None:
    """Those that are always there keep the resources and the limits of the worker."""
    crew = Crew(Span(2, 5))
    assert crew.size == 2
    crew.be(5, {})
    crew.be(4, {0: 0, 1: 0, 2: 3, 3: 1, 4: 2})
    await crew.dismissed(3)
    crew.be(3, {0: 0, 1: 0, 2: 3, 4: 2})
    await crew.dismissed(4)
    crew.be(1, {})
    assert crew.size == 2
    crew.be(3, {})
    await crew.called(2)


def test_limits_and_resources_are_of_the_engines_that_are_always_there(settings: Settings) -> None:
    """Dealt out among those, so that they hold whoever else is there; the others do not serve a limited queue."""
    config = WorkerConfig(
        address=parse_url(str(settings.url)), queues=("a", "b"), queue_concurrency={"a": 5}, resources={"gpu": 1},
        labels=("ssd",), span=Span(2, 4),
    )  # fmt: skip
    told = [config.of_engine(number) for number in range(4)]
    assert [each.queue_concurrency for each in told] == [{"a": 3}, {"a": 2}, {}, {}]
    assert [each.queues for each in told] == [("a", "b"), ("a", "b"), ("b",), ("b",)]
    assert [each.resources for each in told] == [{"gpu": 1}, {}, {}, {}]
    assert {each.labels for each in told} == {("ssd",)}
    assert [each.may_overlap for each in told] == [False, False, True, True]


async def test_a_duty_that_fails_is_told_of_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it raises, a worker follows its queues again a moment later."""
    begun: list[int] = []

    async def follow() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise ValueError("a server that answers nonsense")
        await asyncio.Event().wait()

    persisting = asyncio.create_task(persist(follow, 0.01))
    await until(lambda: len(begun) == 3)
    persisting.cancel()
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
