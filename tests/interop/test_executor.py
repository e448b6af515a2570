"""What an executor of jobs has beside the interface: handles, options, errors of jobs, the end of a program."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from itertools import islice
from pathlib import Path

import pytest
from tqdm.contrib.concurrent import _executor_map

from nbqueue import BrokerUnavailable, ConfigurationError, JobCrashed, JobTimeout, NotSendable, Queue, State, configure
from nbqueue.client.portal import shutdown
from nbqueue.client.telling import THREADS
from nbqueue.executor import Executor, JobFuture
from nbqueue.model.settings import Settings
from tests.interop import works
from tests.keys_left import immortal
from tests.servers import Server
from tests.source import ROOT
from tests.waiting import SLACK, wait_until
from tests.workers import Ledger

PATIENCE_S = 20 * SLACK


@pytest.fixture
def held(ledger: Ledger, gate: Path) -> Iterator[tuple[Executor, list[JobFuture[str]]]]:
    """An executor of one worker with a job that runs, and two that wait."""
    with Executor(max_workers=1) as executor:
        running = executor.submit(works.hold, str(ledger.path), "first", str(gate))
        waiting = [executor.submit(works.note, str(ledger.path), name) for name in ("second", "third")]
        ledger.wait("begin", "first")
        try:
            yield executor, [running, *waiting]
        finally:
            gate.touch()


def test_a_future_has_the_handle_of_its_job() -> None:
    """`future.job` is the job, with its record and its log."""
    with Executor(label="areas", tags=["geometry"]) as executor:
        future = executor.submit(works.double, 4)
        info = future.job.info().wait()
    assert (future.job.wait(), info.label, info.tags, info.function) == (8, "areas", ("geometry",), "double")
    assert future.job.state().wait() is State.SUCCEEDED


def test_the_jobs_of_map_are_one_group() -> None:
    """`map` submits its jobs together: they are one group, in the order of the items."""
    with Executor() as executor:
        found = executor.map(works.double, range(4))
        futures = executor.open
        assert list(found) == [0, 2, 4, 6]
    assert len({future.job.info().wait().group for future in futures}) == 1


def test_what_was_cancelled_has_left_the_queue(held: tuple[Executor, list[JobFuture[str]]]) -> None:
    """A cancelled future's job is cancelled in the server, and waits there no more."""
    _, (running, second, third) = held
    assert second.cancel()
    states = [future.job.state().wait() for future in (running, second, third)]
    assert (states, Queue().stats().wait().queued) == ([State.RUNNING, State.CANCELLED, State.QUEUED], 1)


def test_a_job_that_is_cancelled_elsewhere_cancels_its_future(held: tuple[Executor, list[JobFuture[str]]]) -> None:
    """Who cancels a job by its handle, or in the dashboard, cancels the future; also of a job that runs."""
    _, (running, second, _) = held
    assert (second.job.cancel().wait(), running.job.cancel().wait()) == ("cancelled", "cancelled")
    for future in (running, second):
        with pytest.raises(CancelledError):
            future.result(PATIENCE_S)
    assert (running.cancelled(), second.cancelled()) == (True, True)


def test_who_takes_no_more_of_map_cancels_the_rest(ledger: Ledger) -> None:
    """What has not begun when nobody takes from `map` any more leaves the queue."""
    with Executor(max_workers=1) as executor:
        found = executor.map(works.note, [str(ledger.path)] * 50, map(str, range(50)))
        assert list(islice(found, 2)) == ["0", "1"]
        del found
    assert 2 <= len(ledger.lines("ran")) < 50


def test_ends_that_only_jobs_have_are_errors_of_jobs() -> None:
    """A process that died and a time limit are told as by a handle."""
    with Executor(timeout=0.2, grace=0) as executor:
        late = executor.submit(works.busy, 30)
        died = executor.submit(works.die, None)
        with pytest.raises(JobTimeout, match=r"ran into its time limit of 0\.2 s"):
            late.result(PATIENCE_S)
        with pytest.raises(JobCrashed, match="exit code 3"):
            died.result(PATIENCE_S)


def test_coroutine_functions_run_on_the_workers() -> None:
    """A coroutine function is awaited there; the future has what it gave."""
    with Executor() as executor:
        found: object = executor.submit(works.later, 1).result(PATIENCE_S)
    assert found == 2


def test_a_job_that_waits_for_futures_gives_its_slot_away() -> None:
    """Executors in jobs wait for jobs of their own also where all slots are taken by those that wait."""
    with Executor() as executor:
        found = [executor.submit(works.nest, [number, number + 1]) for number in range(4)]
        assert [future.result(PATIENCE_S) for future in found] == [[0, 2], [2, 4], [4, 6], [6, 8]]


def test_a_job_cancels_only_what_has_not_begun(ledger: Ledger, gate: Path) -> None:
    """In a job `cancel` says False of a call that runs, too, and takes what waits off the queue."""
    with Executor() as executor:
        assert executor.submit(works.give_up, str(ledger.path), str(gate)).result(PATIENCE_S) == [False, True, True]
    assert ledger.lines("ran") == []


@pytest.mark.parametrize("chunksize", [1, 4])
def test_tqdm_counts_the_jobs(chunksize: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The maps of tqdm run on it, with a bar that counts jobs; the lock of its bars stays here."""
    found = _executor_map(Executor, works.double, range(8), max_workers=2, chunksize=chunksize, ascii=True)
    assert found == [2 * each for each in range(8)]
    assert f"{8 // chunksize}/8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"colour": "red"},
            r"^Executor does not take 'colour': its options are max_workers, initializer, initargs, queue, priority, ",
        ),
        ({"n_jobs": 2}, r"^Executor does not take 'n_jobs': it is called max_workers= here\.$"),
        ({"timelimit": 2}, r"^Executor does not take 'timelimit': it is called timeout= here\.$"),
        ({"max_workers": 2, "concurrency": 2}, r"^max_workers and concurrency cannot be given together: "),
        ({"timeout": -1}, r"^timeout=-1 is out of range: "),
    ],
)
def test_wrong_options_are_refused_at_once(given: dict[str, object], sentence: str) -> None:
    """An executor whose jobs could not be submitted is not made."""
    with pytest.raises(ConfigurationError, match=sentence):
        Executor(**given)  # type: ignore[arg-type]


def test_map_tells_what_cannot_travel() -> None:
    """Where one item cannot be sent no job is submitted, and the first result raises why."""
    with Executor() as executor, pytest.raises(NotSendable, match=r'Argument "thing" cannot be sent'):
        list(executor.map(works.ident, [1, works.lock(0)]))


def test_a_server_that_is_away_is_told_by_the_future(module_settings: Settings) -> None:
    """What cannot be submitted is done with BrokerUnavailable; shutdown waits for nothing more."""
    configure(url="unix:///tmp/nobody-listens", home=module_settings.home, connect_timeout_s=0.2)
    with Executor() as executor:
        future = executor.submit(works.double, 1)
        assert (type(future.exception(PATIENCE_S)), future.cancel()) == (BrokerUnavailable, False)


def test_a_shut_down_client_is_told_by_the_future(held: tuple[Executor, list[JobFuture[str]]], gate: Path) -> None:
    """Where nbqueue is shut down while futures wait they say so; the jobs go on."""
    _, (running, *_) = held
    job = running.job
    shutdown()
    assert type(running.exception(PATIENCE_S)) is BrokerUnavailable
    gate.touch()
    assert job.wait(PATIENCE_S) == "first"


def test_futures_are_done_in_any_thread_but_that_of_the_loop() -> None:
    """Callbacks run neither in the waiting thread's loop nor in nbqueue's own, so that they may block and submit."""
    names: list[str] = []

    async def main() -> int:
        future = executor.submit(works.double, 5)
        future.add_done_callback(lambda each: names.append(_again(each)))
        return await asyncio.wrap_future(future)

    def _again(future: Future[int]) -> str:
        return str(executor.submit(works.double, future.result()).result(PATIENCE_S))

    with Executor() as executor:
        assert asyncio.run(main()) == 10
        wait_until(lambda: names == ["20"])


def test_many_callbacks_may_wait_for_futures() -> None:
    """Callbacks that wait for further calls keep nobody's end back, however many they are."""
    with Executor() as executor:
        barrier = threading.Barrier(THREADS)
        again: list[int] = []

        def double_again(future: Future[int]) -> None:
            barrier.wait(PATIENCE_S)  # so many are held up at once
            again.append(executor.submit(works.double, future.result()).result(PATIENCE_S))

        Queue().pause().wait()
        futures = [executor.submit(works.double, number) for number in range(4 * THREADS)]
        for future in futures:
            future.add_done_callback(double_again)
        Queue().resume().wait()
        wait_until(lambda: len(again) == len(futures))
    assert sorted(again) == [4 * number for number in range(4 * THREADS)]


def _script(text: str, settings: Settings) -> str:
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home),
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return ran.stdout + ran.stderr


def test_a_program_ends_when_its_futures_are_done(module_settings: Settings) -> None:
    """At the end of a program callbacks of what was submitted are still called, as with the standard library's."""
    text = (
        "import time\nfrom nbqueue.executor import Executor\n"
        "future = Executor().submit(lambda: time.sleep(0.3) or 'done')\n"
        "future.add_done_callback(lambda each: print(each.result()))\nprint('last line')\n"
    )
    assert _script(text, module_settings) == "last line\ndone\n"


def test_a_program_need_not_wait_for_its_jobs(module_settings: Settings, ledger: Ledger, gate: Path) -> None:
    """After `shutdown(wait=False)` the program ends, and its jobs go on."""
    text = (
        "from nbqueue.executor import Executor\nfrom tests.interop import works\n"
        f"executor = Executor()\nexecutor.submit(works.hold, {str(ledger.path)!r}, 'on', {str(gate)!r})\n"
        "executor.shutdown(wait=False)\nprint('last line')\n"
    )
    assert _script(text, module_settings) == "last line\n"
    gate.touch()
    ledger.wait("end", "on")


def test_nothing_stays_in_the_server_for_ever(module_server: Server) -> None:
    """An executor's own limit leaves nothing behind that has no end."""
    with Executor(max_workers=1) as executor:
        assert list(executor.map(works.double, range(3))) == [0, 2, 4]
    with module_server.client() as client:
        assert immortal(client) == []
