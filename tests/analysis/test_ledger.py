"""The history is held to what the jobs wrote down themselves: nothing is missing, doubled or made up."""

import os
import platform
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbqueue
from nbqueue import RetryPolicy, options, submit
from nbqueue.model.settings import Settings
from tests.analysis import ledger_jobs as bodies
from tests.servers import running_server
from tests.waiting import wait_until
from tests.workers import running_worker

Rows = list[tuple[int, str]]
AGAIN = RetryPolicy(max_tries=3, backoff="fixed", base=0.05, on=(ConnectionError,))


class Run:
    """One run of many kinds of jobs, read when all of them have ended."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.ledger, self._gate = folder / "ledger", folder / "gate"
        self.jobs: dict[str, Any] = {}
        nbqueue.configure(settings)
        with running_worker(settings, "--slots", "3") as worker:
            self._submit(str(self.ledger))
            wait_until(lambda: self._began("cancelled") and self._began("lost"), 30)
            for name in ("cancelled", "never"):
                self.jobs[name].cancel().wait(20)
            others = [name for name in self.jobs if name != "lost"]
            wait_until(lambda: all(self.jobs[name].state().wait().is_final for name in others), 60)
            worker.kill()
        with running_worker(settings):
            wait_until(lambda: len(self._begins("lost")) == 2, 60)
            self._gate.touch()
            self.jobs["lost"].wait(30)
        self.frame = nbqueue.history().wait(20)

    def _submit(self, ledger: str) -> None:
        gate, never = str(self._gate), "/nowhere"
        asked: dict[str, Any] = {
            "well": options(tags=["a", "b"], label="a label", priority="high").submit(bodies.work, ledger),
            "busy": submit(bodies.work, ledger, 0.5, busy=True),
            "bad": submit(bodies.fail, ledger, "first line\nsecond line"),
            "again": options(retry=AGAIN).submit(bodies.fail_until, ledger, 3),
            "exits": submit(bodies.die, ledger, "exit"),
            "killed": submit(bodies.die, ledger, "kill"),
            "late": options(timeout=0.5, grace=0).submit(bodies.wait, ledger, never),
            "lost": submit(bodies.wait, ledger, gate),
            "cancelled": submit(bodies.wait, ledger, never),
            "never": options(delay=60, queue="other").submit(bodies.work, ledger),
            "expired": options(queue="unserved", delay=0.2, expires=0.5).submit(bodies.work, ledger),
            "splits": submit(bodies.split, ledger, 2),
        }
        self.jobs = {name: each.wait(20) for name, each in asked.items()}
        self.jobs["child"] = options(after=[self.jobs["bad"]]).submit(bodies.work, ledger).wait(20)
        self.jobs["retry"] = None
        wait_until(lambda: self.jobs["bad"].state().wait().is_final, 30)
        self.jobs["retry"] = self.jobs["bad"].retry().wait(20)

    def _begins(self, name: str) -> list[dict[str, Any]]:
        return [line for line in bodies.lines(self.ledger, "begin") if line["job"] == self.jobs[name].id]

    def _began(self, name: str) -> bool:
        return bool(self._begins(name))

    def of(self, name: str) -> pd.DataFrame:
        """The rows of a job."""
        found: pd.DataFrame = self.frame[self.frame["job"] == self.jobs[name].id]
        return found

    def row(self, name: str) -> Any:
        """The last row of a job."""
        return self.of(name).iloc[-1]

    def rows(self, name: str) -> Rows:
        """Attempt and state of each of a job's rows."""
        return list(self.of(name)[["attempt", "state"]].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """It takes a while, and is only looked at."""
    folder = tmp_path_factory.mktemp("ledger")
    with running_server() as server:
        yield Run(Settings(url=server.url, home=folder / "home"), folder)


def test_every_attempt_that_began_has_its_row_and_no_other(ran: Run) -> None:
    """What the jobs say and what the history says is the same, attempt by attempt."""
    told = sorted((line["job"], line["attempt"]) for line in bodies.lines(ran.ledger, "begin"))
    started = ran.frame[ran.frame["attempt"] > 0]
    assert sorted(zip(started["job"], started["attempt"], strict=True)) == told
    assert len(ran.frame) == len(set(zip(ran.frame["job"], ran.frame["attempt"], strict=True)))


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("well", [(1, "succeeded")]),
        ("bad", [(1, "failed")]),
        ("again", [(1, "retried"), (2, "retried"), (3, "succeeded")]),
        ("exits", [(1, "retried"), (2, "retried"), (3, "crashed")]),
        ("killed", [(1, "retried"), (2, "retried"), (3, "crashed")]),
        ("late", [(1, "timed_out")]),
        ("lost", [(1, "lost"), (2, "succeeded")]),
        ("cancelled", [(1, "cancelled")]),
        ("never", [(0, "cancelled")]),
        ("expired", [(0, "expired")]),
        ("child", [(0, "failed")]),
        ("retry", [(1, "failed")]),
        ("splits", [(1, "succeeded")]),
    ],
)
def test_the_ends_are_those_that_came(ran: Run, name: str, rows: Rows) -> None:
    """Of jobs that never started, too."""
    assert ran.rows(name) == rows


def test_times_are_those_of_the_jobs(ran: Run) -> None:
    """Claimed before the code began, over after it ended; waits and runs follow from the times."""
    for line in bodies.lines(ran.ledger):
        [row] = ran.frame[(ran.frame["job"] == line["job"]) & (ran.frame["attempt"] == line["attempt"])].itertuples()
        at = pd.Timestamp(line["at"], unit="s", tz="UTC")
        slack = pd.Timedelta(milliseconds=2)
        assert row.submitted_at - slack <= row.started_at - slack <= at <= row.finished_at + slack, row.job
        assert row.duration_s == pytest.approx((row.finished_at - row.started_at).total_seconds())
    assert ran.row("busy").duration_s >= 0.5
    delayed = ran.row("expired")
    assert (delayed.due_at - delayed.submitted_at).total_seconds() == pytest.approx(0.2, abs=0.05)
    assert pd.isna(delayed.started_at)
    assert pd.isna(delayed.wait_s)


def test_what_was_used_is_known(ran: Run) -> None:
    """CPU, memory, sizes, where it ran, and with what."""
    busy, well = ran.row("busy"), ran.row("well")
    assert 0.5 <= busy.cpu_s < 2
    assert 5_000_000 < busy.peak_bytes < 500_000_000
    assert 5000 < well.result_bytes < 6000
    assert well.payload_bytes > 50
    assert (well.host, well.python[:2], well.version) == (platform.node(), "3.", nbqueue.__version__)
    assert well.worker in set(ran.frame["worker"])
    assert ran.row("lost").worker != ran.of("lost").iloc[0].worker


def test_errors_signals_and_exit_codes_are_known(ran: Run) -> None:
    """The type and the first line of an error; how a process that died did."""
    bad = ran.row("bad")
    assert (bad.error_type, bad.error) == ("ValueError", "first line")
    assert list(ran.of("again")["error_type"].astype(object).where(lambda each: each.notna(), None)) == [
        "ConnectionError", "ConnectionError", None,
    ]  # fmt: skip
    assert (ran.row("exits").exit_code, ran.row("killed").signal) == (7, signal.SIGKILL)
    assert (ran.row("late").stopped_by, ran.row("cancelled").stopped_by) == ("timeout", "cancel")
    assert ran.row("child").error_type == "ParentFailed"
    assert ran.of("lost").iloc[0].error_type == "JobCrashed"


def test_marks_and_kin_are_known(ran: Run) -> None:
    """Label, tags, priority and queue; which job submitted it, which group it is of, which job it retries."""
    well = ran.row("well")
    assert (well.label, well.tags, well.priority, well.queue) == ("a label", ("a", "b"), 10, "default")
    assert well.function.endswith("work")
    assert ran.row("never").queue == "other"
    children = ran.frame[ran.frame["parent"] == ran.jobs["splits"].id]
    assert set(children["job"]) == set(ran.jobs["splits"].wait(5))
    assert len(set(children["group"])) == 1
    assert ran.row("retry").retry_of == ran.jobs["bad"].id


def test_last_progress_and_metrics_are_known(ran: Run) -> None:
    """What a job said last, as it said it."""
    found = ran.row("well").progress
    assert (found["done"], found["total"], found["message"]) == (3, 4, "nearly")
    assert found["metrics"] == {"best": 42}


def test_nothing_of_it_is_unpickled(ran: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame is made of readable records alone."""
    import pickle

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the history was unpickled")

    monkeypatch.setattr(pickle, "loads", refuse)
    assert len(nbqueue.history().wait(20)) == len(ran.frame)
    assert os.getpid() not in {line["pid"] for line in bodies.lines(ran.ledger)}
