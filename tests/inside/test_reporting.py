"""What code in a job says and asks, and what the same calls do outside of a job."""

import io
import math
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from nbqueue import inside
from nbqueue.inside.context import CURRENT, JobContext, JobInfo
from nbqueue.inside.outside import Terminal
from tests.waiting import SLACK


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.checkpoints: list[bytes] = []
        self.answers: list[Any] = []

    def progress(self, wire: dict[str, Any]) -> None:
        """Keep a report."""
        self.reports.append(wire)

    def log(self, text: str) -> None:
        """Keep lines."""
        self.lines.append(text)

    def checkpoint(self, data: bytes) -> None:
        """Keep a checkpoint."""
        self.checkpoints.append(data)

    def partial(self, value: Any) -> None:
        """Keep an answer."""
        self.answers.append(value)


class ByHand:
    """A ticker that ticks when the test says so."""

    def __init__(self) -> None:
        self.ticks: list[Callable[[], bool]] = []

    def start(self, tick: Callable[[], bool]) -> None:
        """Remember the tick."""
        self.ticks.append(tick)

    def tick(self) -> None:
        """Tick once."""
        self.ticks = [tick for tick in self.ticks if tick()]


@pytest.fixture
def kept() -> Kept:
    """What the job has sent."""
    return Kept()


@pytest.fixture
def ticker() -> ByHand:
    """What the job's time is."""
    return ByHand()


@pytest.fixture
def job(kept: Kept, ticker: ByHand) -> Any:
    """A job that the test's code runs in."""
    context = JobContext(lambda: JobInfo(id="a", timeout_s=10.0, cpus=3), kept, ticker)
    token = CURRENT.set(context)
    yield context
    CURRENT.reset(token)


def test_reports_are_merged_and_the_last_always_arrives(job: JobContext, kept: Kept, ticker: ByHand) -> None:
    """Of many reports the ticks send the latest state; nothing is sent where nothing is new."""
    inside.progress(1, total=10, message="first")
    ticker.tick()
    for done in range(2, 9):
        inside.progress(done)
    inside.report(gap=0.5)
    inside.report(gap=0.25, bound=3)
    ticker.tick()
    ticker.tick()
    assert ticker.ticks == []
    inside.progress(9)
    job.reports.close()
    inside.progress(10)
    metrics = {"gap": 0.25, "bound": 3}
    assert kept.reports == [
        {"done": 1, "total": 10, "message": "first"},
        {"done": 8, "total": 10, "message": "first", "metrics": metrics},
        {"done": 9, "total": 10, "message": "first", "metrics": metrics},
    ]


def test_an_answer_of_the_user_s_own_comes_before_a_library_s(job: JobContext, kept: Kept) -> None:
    """A checkpoint is an answer where it is called one; what a library has ready then counts no more."""
    inside.checkpoint("no answer")
    job.hand_back("a library's", beside=True)
    inside.checkpoint("one's own", partial=True)
    job.hand_back("a later one of the library's", beside=True)
    assert (kept.answers, len(kept.checkpoints)) == (["a library's", "one's own"], 2)


def test_parts_of_a_job_have_bars_of_their_own(job: JobContext, kept: Kept) -> None:
    """A loop within another one has a bar as long as it goes on; one that has a name stays."""
    inside.progress(3, 4, bar="warm up")
    for _ in inside.track(range(2), message="outer"):
        for _ in inside.track("ab", message="inner"):
            job.reports.tick()
        for _ in inside.track("ab"):
            break
    inside.progress(5, bar="warm up")
    job.reports.close()
    assert [(report["done"], report["bars"]) for report in kept.reports] == [
        (0, [["warm up", 3, 4], ["inner", 0, 2]]), (0, [["warm up", 3, 4], ["inner", 1, 2]]),
        (1, [["warm up", 3, 4], ["inner", 0, 2]]), (1, [["warm up", 3, 4], ["inner", 1, 2]]),
        (2, [["warm up", 5, 4]]),
    ]  # fmt: skip


def test_loops_beside_one_another_have_different_names(job: JobContext, kept: Kept) -> None:
    """Also where they are called the same; beyond eight bars there are no more."""
    outer = inside.track(range(3))
    next(outer)
    loops = [inside.track(range(3), message="fold") for _ in range(10)]
    for loop in loops:
        next(loop)
    job.reports.close()
    (report,) = kept.reports
    assert [name for name, _, _ in report["bars"]] == ["fold", *[f"fold ({number})" for number in range(2, 9)]]


@pytest.mark.usefixtures("job")
def test_strange_values_never_raise(kept: Kept, ticker: ByHand) -> None:
    """Numbers that are none become None, strange objects their repr, one-element arrays their number."""

    class Strange:
        def __repr__(self) -> str:
            raise ValueError("no repr")

    class Scalar:
        def item(self) -> float:
            return 2.5

    inside.progress(math.nan, total=math.inf, message="\udc80")
    inside.report(bound=-math.inf, strange=Strange(), scalar=Scalar(), text="t", many=[1, {"a": math.nan}], none=None)
    inside.report(lock=threading.Lock)
    ticker.tick()
    [report] = kept.reports
    lock = report["metrics"].pop("lock")
    assert report == {
        "done": 0,
        "message": "?",
        "metrics": {
            "bound": None, "strange": "<Strange>", "scalar": 2.5, "text": "t", "many": [1, {"a": None}], "none": None,
        },
    }  # fmt: skip
    assert "lock" in lock


@pytest.mark.usefixtures("job")
def test_a_sink_that_raises_changes_nothing(kept: Kept, ticker: ByHand, caplog: pytest.LogCaptureFixture) -> None:
    """A report that cannot be sent is a warning in the log, not an error of the job."""
    kept.reports = None  # type: ignore[assignment]
    inside.progress(1)
    ticker.tick()
    assert "could not be sent" in caplog.text


@pytest.mark.usefixtures("job")
def test_reports_of_many_threads_are_whole(kept: Kept, job: JobContext) -> None:
    """Metrics reported at once from many threads are all there in the end."""

    def reports(number: int) -> None:
        for step in range(200):
            inside.report(**{f"m{number}": step})

    threads = [threading.Thread(target=in_job(job, reports), args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job.reports.close()
    assert kept.reports[-1]["metrics"] == {f"m{number}": 199 for number in range(8)}


@pytest.mark.usefixtures("job")
def test_a_report_costs_little() -> None:
    """A call of progress() takes some microseconds at most: a loop may report each of its steps."""
    took_s = []
    for _ in range(5):
        began = time.perf_counter()
        for step in range(10_000):
            inside.progress(step)
        took_s.append(time.perf_counter() - began)
    assert min(took_s) < 0.1 * SLACK


def test_log_lines_are_the_jobs(job: JobContext, kept: Kept) -> None:
    """log() writes a line as print would, to the job's log."""
    inside.log("gap", 0.5)
    job.reports.close()
    assert kept.lines == ["gap 0.5\n"]


@pytest.mark.usefixtures("job")
def test_track_reports_each_item(kept: Kept, ticker: ByHand) -> None:
    """track() gives the items and knows the length of what has one."""
    seen = []
    for item in inside.track("abc", message="letters"):
        seen.append(item)
        ticker.tick()
    ticker.tick()
    assert seen == ["a", "b", "c"]
    assert kept.reports[0] == {"done": 0, "total": 3, "message": "letters"}
    assert kept.reports[-1] == {"done": 3, "total": 3, "message": "letters"}


@pytest.mark.usefixtures("job")
def test_checkpoints_are_encoded_at_once(kept: Kept) -> None:
    """What is kept is the value at the time of the call; last_checkpoint() gives a copy of it."""
    value = {"best": 1}
    assert inside.last_checkpoint("none") == "none"
    inside.checkpoint(value)
    value["best"] = 2
    assert inside.last_checkpoint() == {"best": 1}
    assert len(kept.checkpoints) == 1


def test_a_stop_is_a_state(job: JobContext) -> None:
    """It stays asked, its reason may change, listeners hear of it once, latecomers at once."""
    told: list[str] = []
    inside.on_stop(lambda: told.append("early"))
    assert (inside.should_stop(), inside.stop_reason()) == (False, None)
    job.stop.ask("timeout")()
    job.stop.ask("cancel")()
    inside.on_stop(lambda: told.append("late"))
    assert (inside.should_stop(), inside.stop_reason(), told) == (True, "cancel", ["early", "late"])


def test_a_job_knows_its_time_and_processors(job: JobContext) -> None:
    """time_left() counts from the start of the code; cpus() is what the job was given."""
    assert inside.time_left() is None
    job.begin(10.0)
    left = inside.time_left()
    assert left is not None
    assert 9 < left <= 10
    assert inside.cpus() == 3
    assert inside.current_job() == JobInfo(id="a", timeout_s=10.0, cpus=3)


def test_outside_of_a_job_all_does_the_obvious(capsys: pytest.CaptureFixture[str]) -> None:
    """No job, no stop, no limit; log prints, a checkpoint is kept in memory, progress draws nothing here."""
    inside.progress(1, 2)
    inside.report(gap=1)
    inside.log("printed")
    inside.on_stop(lambda: None)
    inside.checkpoint([1])
    assert inside.last_checkpoint() == [1]
    assert list(inside.track(iter("ab"))) == ["a", "b"]
    assert (inside.should_stop(), inside.stop_reason(), inside.time_left()) == (False, None, None)
    assert inside.current_job() is None
    assert 1 <= inside.cpus() <= (os.cpu_count() or 1)
    assert capsys.readouterr() == ("printed\n", "")


def test_outside_of_a_job_progress_is_a_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal one line is drawn over and over, and ended when all is done."""

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    terminal = Terminal()
    terminal.progress(1, 4, "half way")
    terminal.metrics({"gap": 0.5})
    terminal.progress(4, 4, "there")
    lines = [line.strip() for line in screen.getvalue().split("\r")]
    assert lines == ["", "25% 1/4 half way", "100% 4/4 there gap=0.5"]
    assert screen.getvalue().endswith("\n")


def in_job(job: JobContext, fn: Callable[[int], None]) -> Callable[[int], None]:
    """`fn` in the context of the job."""

    def called(number: int) -> None:
        CURRENT.set(job)
        fn(number)

    return called
