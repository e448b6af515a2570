"""What code in a job may do to itself and to those who watch: raising callbacks, storms of progress, jobs in jobs."""

import logging
import time
from collections.abc import Callable
from statistics import median

import pytest

from nbqueue.client import hooks
from nbqueue.client.submitter import options, run, submit
from nbqueue.model.events import Progressed
from nbqueue.model.progress import Progress
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.faults import bodies
from tests.faults.conftest import Measure
from tests.waiting import wait_until
from tests.workers import Ledger, Worker

#: a report each tenth of a second, and what is told at the beginning and at the end
MOST_A_SECOND = 10


@pytest.fixture(autouse=True)
def _client(connected: Callable[[Settings], Settings], module_settings: Settings, worker: Worker) -> None:
    del worker
    connected(module_settings)


def test_callbacks_that_raise_do_not_change_how_a_job_ends() -> None:
    """A logging handler and reported values that raise: the job succeeds, and its log tells of the handler."""
    job = submit(bodies.troubled).wait(5)
    assert job.wait(20) == "done"
    assert "the handler is broken" in job.logs().wait(5)


def test_a_stop_callback_that_raises_does_not_keep_a_job_from_stopping(ledger: Ledger) -> None:
    """A job whose `on_stop` function raises is cancelled like any other."""
    job = submit(bodies.bad_stop, str(ledger.path), "job").wait(5)
    ledger.wait("begin")
    assert job.cancel().wait(10) == "cancelled"


class BrokenFace:
    """A face that can show nothing."""

    def show(self, subject: object) -> None:
        """Fail."""
        del subject
        raise RuntimeError("the widget is broken")

    display = settle = say = show


def test_a_card_that_cannot_be_drawn_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A widget that raises costs a line in the log; the job's value is there all the same."""
    hooks.use_face(BrokenFace())
    try:
        with caplog.at_level(logging.ERROR, logger="nbqueue"):
            assert run(len, "four").wait(10) == 4
    finally:
        hooks.use_face(None)
    assert "could not be drawn" in caplog.text


def test_a_progress_storm_is_told_ten_times_a_second(measure: Measure) -> None:
    """However often a job reports, a watcher hears of it ten times a second, and its card shows the last word."""
    job = options(delay=0.3).submit(bodies.storm, 2.0).wait(5)
    live = job.live()
    told_at = [time.monotonic() for event in job.events() if isinstance(event, Progressed)]
    updates = job.wait(10)
    assert updates > 20_000
    measure("reports a second", len(told_at) / max(told_at[-1] - told_at[0], 1.0), within_s=MOST_A_SECOND + 2)
    last = Progress(done=updates + 1, total=updates + 1, message="last")
    wait_until(lambda: (live.record.state, live.record.progress) == (State.SUCCEEDED, last))
    live.close()


def test_progress_costs_a_job_next_to_nothing(measure: Measure) -> None:
    """Ten thousand reports a second slow a job by less than five per cent."""
    rounds = run(bodies.paced, 15).wait(60)
    slower = median(reporting / plain - 1 for plain, reporting in rounds)
    measure("slower by, in per cent", 100 * slower, within_s=2 * 5.0)
