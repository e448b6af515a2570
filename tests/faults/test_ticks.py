"""One run a tick: with clocks that are wrong, workers that are killed at the tick, a server that goes away."""

import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

import nbqueue
from nbqueue import Cron, Every, Schedule
from nbqueue.model.schedule import ScheduleState
from nbqueue.model.settings import Settings
from tests.faults import bodies
from tests.faults.conftest import Measure
from tests.faults.stores import Store, last
from tests.servers import Server, running_server
from tests.waiting import SLACK, wait_until
from tests.workers import Ledger, running_worker

#: puts the clock of the machine, but for the one that only goes forward, ahead by SKEW_S seconds
SHIM = Path(__file__).with_name("clock.c").read_text(encoding="ascii")
#: a run begins no later than this after its time, doubled for a busy machine
LATE_S = 2 * 0.2
#: how long before a clock changes a server is started
BEFORE_S = 5.0


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that sets a process's clock."""
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "skew.c", folder / "skew.so"
    source.write_text(SHIM, encoding="utf-8")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, capture_output=True)
    return library


def ran(ledger: Ledger) -> Counter[str]:
    """How often each job has run, by its id."""
    return Counter(line.name for line in ledger.lines("ran"))


def note_tick(ledger: str) -> None:
    """Write down which job this is."""
    job = nbqueue.current_job()
    bodies.note(ledger, "ran", job.id if job is not None else "nobody")


def succeeded() -> set[str]:
    """The jobs that the history says have succeeded."""
    return set(nbqueue.history().wait(10).query("state == 'succeeded'")["job"])


def ticks(ids: Counter[str]) -> list[datetime]:
    """The times that jobs stand for, in order."""
    return sorted(datetime.fromisoformat(job_id.partition("@")[2]).astimezone(UTC) for job_id in ids)


def ended(schedule: Schedule[Any]) -> Callable[[], bool]:
    """Asks whether it has had all its runs."""
    return lambda: schedule.info().wait(10).state is ScheduleState.ENDED


@pytest.mark.skipif(not shutil.which("gcc"), reason="the shim that sets a clock is built with gcc")
@pytest.mark.parametrize("skew_s", [5, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.8, 2, 90))])
def test_clocks_of_workers_do_not_matter(  # noqa: PLR0917 - fixtures
    settings: Settings, ledger: Ledger, shim: Path, skew_s: float, monkeypatch: pytest.MonkeyPatch,
    connected: Callable[[Settings], Settings], measure: Measure,
) -> None:  # fmt: skip
    """Two workers, one whose clock is ahead and one whose clock is behind: each second has one run, on the server's."""
    connected(settings)
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("SKEW_S", str(-skew_s))
    with running_worker(settings, "--slots", "1"):
        monkeypatch.setenv("SKEW_S", str(skew_s))
        with running_worker(settings, "--slots", "1") as skewed:
            clock = skewed.log_file.with_name("clock")
            probe = f"import time; open({str(clock)!r}, 'w').write(str(time.time()))"
            subprocess.run([sys.executable, "-c", probe], check=True)
            assert abs(float(clock.read_text()) - time.time() - skew_s) < 3 * LATE_S
            schedule = nbqueue.schedule(Every(1, count=4, overlap="allow"), note_tick, str(ledger.path)).wait(10)
            wait_until(ended(schedule), 20)
            wait_until(lambda: len(ran(ledger)) == 4, 10)
            # each was written down before the workers go
            wait_until(lambda: len(nbqueue.history().wait(10)) == 4, 10)
    found = ran(ledger)
    assert set(found.values()) == {1}
    times = ticks(found)
    assert [round((later - times[0]).total_seconds()) for later in times] == [0, 1, 2, 3]
    frame = nbqueue.history().wait(10)
    late = [(at - tick).total_seconds() for at, tick in zip(sorted(frame["submitted_at"]), times, strict=True)]
    measure("a tick", median(late), within_s=LATE_S)


def test_workers_that_are_killed_at_the_tick_lose_and_repeat_nothing(
    settings: Settings, ledger: Ledger, connected: Callable[[Settings], Settings]
) -> None:
    """Five times one of two workers is killed in the moment of a tick: all ticks are run, each by one job."""
    connected(settings)
    with running_worker(settings, "--slots", "1"):
        every = Every(1, overlap="allow", misfire=99, name="tick")
        schedule = nbqueue.schedule(every, note_tick, str(ledger.path)).wait(10)
        for number in range(5):
            with running_worker(settings, "--slots", "1") as victim:
                info = schedule.info().wait(10)
                assert info.next_at is not None
                left_s = (info.next_at - datetime.now(UTC)).total_seconds() % 1
                last(left_s + 0.003 * number)
                victim.kill()
        # what the last one had begun is done again before the next ones
        counted = schedule.info().wait(10).runs
        wait_until(lambda: schedule.info().wait(10).runs >= counted + 2, 20)
        schedule.pause().wait(10)
        wait_until(lambda: len(ran(ledger)) == schedule.info().wait(10).runs, 20)
        runs = schedule.info().wait(10).runs
        wait_until(lambda: len(succeeded()) >= runs, 10)
    times = ticks(ran(ledger))
    assert [round((later - times[0]).total_seconds()) for later in times] == list(range(runs))
    # a run whose worker was killed under it is run again, as every job is; but no tick has two jobs
    assert len(succeeded()) == runs


@pytest.mark.parametrize(
    ("misfire", "made_up"),
    [pytest.param("skip", 0, marks=pytest.mark.slow), pytest.param("once", 1, marks=pytest.mark.slow), (2, 2)],
)
def test_what_was_missed_is_made_up_for_without_a_burst(
    settings: Settings, ledger: Ledger, misfire: Any, made_up: int, connected: Callable[[Settings], Settings]
) -> None:
    """No worker runs for a while: the next one makes as many jobs as were asked for; "skip" makes none."""
    connected(settings)
    every = Every(1, overlap="allow", misfire=misfire, name="tick")
    with running_worker(settings, "--slots", "1"):
        schedule = nbqueue.schedule(every, note_tick, str(ledger.path)).wait(10)
        wait_until(lambda: len(ran(ledger)) == 2, 20)
    last(4.2)
    with running_worker(settings, "--slots", "1"):
        so_far = len(ran(ledger))
        wait_until(lambda: len(ran(ledger)) >= so_far + made_up + 2, 20)
        schedule.pause().wait(10)
        runs = schedule.info().wait(10).runs
        wait_until(lambda: len(ran(ledger)) == runs, 20)
        frame = nbqueue.history(states=["succeeded"]).wait(10).sort_values(["submitted_at", "job"])
    submitted = list(frame["submitted_at"])
    number = next(n for n in range(1, runs) if (submitted[n] - submitted[n - 1]).total_seconds() > 3)
    times = ticks(ran(ledger))
    # the jobs of one turn are submitted in one moment
    assert submitted.count(submitted[number]) == max(made_up, 1)
    assert made_up or (submitted[number] - times[number]).total_seconds() < SLACK
    assert (times[number] - times[number - 1]).total_seconds() >= 5 - max(made_up, 1)
    assert [(at - times[number]).total_seconds() for at in times[number:]] == list(range(runs - number))


@pytest.mark.skipif(not shutil.which("gcc"), reason="the shim that sets a clock is built with gcc")
@pytest.mark.parametrize(
    ("jump", "expected"),
    [
        # the night in which 02:30 does not come: right after the jump
        ("2027-03-28T01:00:00+00:00", {"30 2 * * *": 1}),
        # the night in which 02:00 comes twice: it came an hour ago, and does not come again; the hours do
        ("2027-10-31T01:00:00+00:00", {"0 2 * * *": 0, "0 * * * *": 1}),
    ],
)
def test_the_clocks_of_a_zone_change(  # noqa: PLR0917 - fixtures
    home: Path, ledger: Ledger, shim: Path, jump: str, expected: dict[str, int], monkeypatch: pytest.MonkeyPatch,
    connected: Callable[[Settings], Settings],
) -> None:  # fmt: skip
    """A server comes to such a moment, with workers of today: the runs of Berlin are made, once each."""
    at = datetime.fromisoformat(jump)
    with ExitStack() as ends:
        with monkeypatch.context() as skewed:
            skewed.setenv("LD_PRELOAD", str(shim))
            skewed.setenv("SKEW_S", str(at.timestamp() - time.time() - BEFORE_S))
            server = ends.enter_context(running_server())
        settings = connected(Settings(url=server.url, home=home))
        made = []
        for number, expression in enumerate(expected):
            times = Cron(expression, timezone="Europe/Berlin", name=f"night-{number}")
            made.append(nbqueue.schedule(times, note_tick, str(ledger.path)).wait(10))
        every = nbqueue.schedule(Every(1, name="clock", overlap="allow"), note_tick, str(ledger.path)).wait(10)
        for _ in range(2):
            ends.enter_context(running_worker(settings, "--slots", "1"))
        # on the server's clock; that of this machine is far away
        wait_until(lambda: (_last(every) or at) > at, BEFORE_S + 20)
        for schedule, runs in zip(made, expected.values(), strict=True):
            wait_until(lambda: len(_runs(ledger, schedule)) == runs, 10)  # noqa: B023
            info = schedule.info().wait(10)
            assert (info.runs, info.last_at, info.next_at and info.next_at > at) == (runs, at if runs else None, True)
        every.delete().wait(10)


def _runs(ledger: Ledger, schedule: Schedule[Any]) -> list[str]:
    return [name for name in ran(ledger) if name.startswith(f"{schedule.name}@")]


def _last(schedule: Schedule[Any]) -> datetime | None:
    return schedule.info().wait(10).last_at


def test_a_server_that_dies_at_the_tick_repeats_nothing(
    store: Store, ledger: Ledger, connected: Callable[[Settings], Settings]
) -> None:
    """Killed and started again on what it kept, twice: schedules go on, and no tick has two jobs."""
    connected(store.settings)
    with ExitStack() as workers:
        for _ in range(2):
            workers.enter_context(running_worker(store.settings, "--slots", "1"))
        schedule = nbqueue.schedule(Every(1, overlap="allow", misfire=99), note_tick, str(ledger.path)).wait(10)
        for lives in range(2):
            wait_until(lambda: len(ran(ledger)) >= 2 * (lives + 1), 20)  # noqa: B023
            store.kill()
            last(1.0)
            store.start()
        so_far = len(ran(ledger))
        wait_until(lambda: len(ran(ledger)) >= so_far + 2, 20)
        schedule.pause().wait(20)
        wait_until(lambda: schedule.info().wait(20).runs == len(ran(ledger)), 20)
    times = ticks(ran(ledger))
    assert [round((later - times[0]).total_seconds()) for later in times] == list(range(len(times)))


def test_a_refused_schedule_costs_no_other(
    server: Server, settings: Settings, ledger: Ledger, connected: Callable[[Settings], Settings]
) -> None:
    """The call of one put in another's place: that one is refused, with a reason; the worker and the others go on."""
    connected(settings)
    good = nbqueue.schedule(Every(1, name="good"), note_tick, str(ledger.path)).wait(10)
    bad = nbqueue.schedule(Every(1, name="bad"), note_tick, str(ledger.path)).wait(10)
    with server.client() as client:
        keys = {name: next(client.scan_iter(f"nbq:call:{name}:*")) for name in ("good", "bad")}
        client.copy(keys["good"], keys["bad"], replace=True)
        with running_worker(settings, "--slots", "1"):
            wait_until(lambda: bad.info().wait(10).state is ScheduleState.REFUSED, 20)
            wait_until(lambda: len(ran(ledger)) >= 2, 20)
            good.delete().wait(10)
    info = bad.info().wait(10)
    assert "it was signed for job 'good', not for 'bad'" in info.error
    assert not [job_id for job_id in ran(ledger) if job_id.startswith("bad")]


def test_two_threads_of_a_notebook_make_one_schedule(
    settings: Settings, connected: Callable[[Settings], Settings]
) -> None:
    """The last one wins, whoever that is; what the others had sent is not left behind."""
    connected(settings)
    made: list[Schedule[int]] = []

    def make(number: int) -> None:
        made.append(nbqueue.schedule(Every(3600, name="one"), abs, number).wait(10))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(schedule.existed for schedule in made) == [False] + [True] * 7
    with running_worker(settings, "--slots", "1"):
        assert made[0].trigger().wait(10).wait(20) in range(8)
