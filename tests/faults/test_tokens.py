"""Tokens of limits and resources, with workers that die: they come back, and nobody has two."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nbqueue.client.submitter import options, submit
from nbqueue.model.settings import Settings
from nbqueue.model.states import State, WaitReason
from tests.faults import bodies
from tests.faults.conftest import Measure
from tests.waiting import wait_until
from tests.workers import Ledger, running_worker

#: twice the length of a lease, and a moment to be claimed
LEASE_S = 2 * 5.0


async def _square(number: int) -> int:
    return number * number


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings) -> None:
    connected(module_settings)


def test_a_killed_holder_gives_its_token_back_with_its_lease(
    module_settings: Settings, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """Of two machines and one token, the loss of the one that holds it lets the other start within the lease."""
    one = options(concurrency=1, limit_key="licence")
    with running_worker(module_settings, "--slots", "2", machine="one") as first:
        held = one.submit(bodies.until_told, str(ledger.path), "held", str(gate)).wait(5)
        ledger.wait("begin")
        waiting = one.submit(bodies.quick, str(ledger.path), "waiting").wait(5)
        with running_worker(module_settings, "--slots", "2", machine="two"):
            wait_until(lambda: waiting.info().wait(5).reason is WaitReason.LIMITED)
            killed_at = time.monotonic()
            first.kill()
            again = ledger.wait("begin", times=2, timeout_s=LEASE_S)[1]
            measure("token", again.at - killed_at, within_s=LEASE_S)
            assert waiting.state().wait(5) is State.QUEUED
            gate.touch()
            assert (held.wait(10), waiting.wait(10)) == ("held", "waiting")


def test_a_killed_child_gives_its_token_back(module_settings: Settings, ledger: Ledger) -> None:
    """A process that dies with a token, again and again, never keeps it."""
    one = options(concurrency=1, limit_key="licence")
    with running_worker(module_settings, "--slots", "2"):
        dying = one.submit(bodies.segfault, str(ledger.path), "dying").wait(5)
        waiting = one.submit(bodies.quick, str(ledger.path), "waiting").wait(5)
        assert waiting.wait(20) == "waiting"
        wait_until(lambda: dying.state().wait(5) is State.CRASHED, 20)


def test_resources_are_handed_out_by_those_who_have_them(module_settings: Settings, ledger: Ledger, gate: Path) -> None:
    """One gpu, one job at a time on the worker that has it; other jobs pass; a job that needs more waits."""
    gpu = options(resources={"gpu": 1})
    with (
        running_worker(module_settings, "--slots", "3", "--resources", "gpu=1"),
        running_worker(module_settings, "--slots", "3"),
    ):
        group = gpu.submit_map(bodies.until_told, [str(ledger.path)] * 3, ["a", "b", "c"], [str(gate)] * 3).wait(5)
        ledger.wait("begin")
        assert submit(bodies.quick, str(ledger.path), "plain").wait(5).wait(10) == "plain"
        two = options(resources={"gpu": 2}).submit(bodies.quick, str(ledger.path), "two").wait(5)
        wait_until(lambda: group.progress().wait(5) == {State.RUNNING: 1, State.QUEUED: 2})
        gate.touch()
        assert group.wait(20) == ["a", "b", "c"]
        assert two.info().wait(5).reason is WaitReason.LIMITED
        assert two.cancel().wait(5) == "cancelled"
    inside = Counter[str]()
    for line in ledger.lines():
        if line.word == "begin":
            inside["gpu"] += 1
        elif line.word == "end":
            inside["gpu"] -= 1
        assert inside["gpu"] <= 1


def test_a_thousand_jobs_under_a_limit_on_two_workers(module_settings: Settings) -> None:
    """All run, none twice at a time more than the limit, and nothing is left behind."""
    with (
        running_worker(module_settings, "--concurrency", "50"),
        running_worker(module_settings, "--concurrency", "50", machine="two"),
    ):
        group = options(concurrency=7, limit_key="seven").submit_map(_square, range(1000)).wait(10)
        assert group.wait(60) == [number * number for number in range(1000)]


def test_a_rate_holds_over_two_workers(module_settings: Settings) -> None:
    """Of thirty jobs under ten a second none starts too early, whoever runs it."""
    with (
        running_worker(module_settings, "--slots", "4"),
        running_worker(module_settings, "--slots", "4", machine="two"),
    ):
        group = options(rate="10/s", limit_key="ten").submit_map(_square, range(30)).wait(10)
        group.wait(30)
        starts = sorted(at.timestamp() for job in group if (at := job.info().wait(5).started_at))
    assert len(starts) == 30
    # in any second no more than ten
    assert all(later - earlier >= 0.999 for earlier, later in zip(starts, starts[10:], strict=False))
