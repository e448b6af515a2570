"""What records, lists of them and handles show at the end of a cell."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from IPython.lib.pretty import pretty

import nbqueue
from nbqueue import Every, Queue, options, schedule, schedules
from nbqueue.broker import codec
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client.session import Session, exchange
from nbqueue.model import shown
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.delivery import Delivery
from nbqueue.model.job import JobRecord, Records
from nbqueue.model.progress import Progress
from nbqueue.model.schedule import ScheduleRecord, ScheduleState
from nbqueue.model.settings import Settings
from nbqueue.model.shown import Counts, Log, ShownList
from nbqueue.model.states import State
from nbqueue.notebook.values import ProcessDrawing
from tests.display.test_markup import VECTORS
from tests.notebook.kernels import displayed, running_kernel
from tests.notebook.tags import Tags
from tests.workers import running_worker

NOW = datetime(2026, 11, 1, tzinfo=UTC)
#: what an untrusted notebook keeps
TAGS = {"div", "b", "code", "table", "thead", "tbody", "tr", "th", "td"}
CONTROLS = "\x1b[31m\u202e\x00\r\n"


def values(text: str) -> list[Any]:
    """A record of each kind with the same text wherever somebody else can write to."""
    attempt = AttemptRecord(
        number=1, state=text, worker=text, error_type=text, error=text, traceback=text, started_at=NOW, finished_at=NOW
    )
    engine = EngineInfo(id=text, host=text, python=text, version=text, queues=(text,), functions=(text,))
    delivery = Delivery(id=text, url=text, error=text)
    return [
        JobRecord(
            id=text, state=State.FAILED, label=text, function=text, queue=text, worker=text, error_type=text,
            error=text, tags=(text,), group=text, after=(text,), needs=text, parent=text, submitted_at=NOW,
            progress=Progress(done=1, total=2, message=text, metrics={text: text}),
        ),
        ScheduleRecord(name=text, state=ScheduleState.REFUSED, function=text, last_job=text, error=text),
        QueueStats(name=text, held_back={f"f:{text}": 1}, queued=1), engine, attempt, delivery,
        ShownList([engine], kind=EngineInfo), ShownList([attempt], kind=AttemptRecord),
        ShownList([delivery], kind=Delivery),
    ]  # fmt: skip


@pytest.fixture
def asked(settings: Settings) -> Iterator[Settings]:
    """The session goes to the test's server."""
    before = exchange(Session(settings))
    yield settings
    exchange(before)


@pytest.mark.parametrize("vector", [f"{vector}{CONTROLS}end" for vector in VECTORS])
def test_no_text_becomes_markup(vector: str) -> None:
    """Of records with texts of others a table shows the texts, and is made of what a notebook of others keeps."""
    for value in values(vector):
        found = Tags(value._repr_html_())
        assert (set(found.tags) - TAGS, found.attributes) == (set(), {"style"}), type(value)
        assert (found.text.isprintable(), CONTROLS[:4] in found.text) == (True, False)


@pytest.mark.parametrize("value", values(f"x{CONTROLS}y"), ids=lambda value: type(value).__name__)
def test_a_repr_is_one_line(value: object) -> None:
    """As text a record is one line that steers no terminal."""
    assert repr(value).isprintable()


@pytest.mark.parametrize("vector", [f"{vector}{CONTROLS}end" for vector in VECTORS])
def test_a_log_becomes_no_markup(vector: str) -> None:
    """Of a log the lines are shown, in their colours, as HTML and as text."""
    found = Tags(str(Log(f"first\n{vector}")._repr_html_()))
    assert (set(found.tags) - {"pre", "span"}, found.attributes - {"style"}) == (set(), set())
    assert found.text.startswith("first\n")
    assert not {"\x00", "\u202e"} & {*found.text, *pretty(Log(vector))}


def test_answers_read_well() -> None:
    """Logs and counts are shown as lines and as tables; within something else as their reprs."""
    log, counts = Log("one\n\x1b[31mtwo\x1b[0m\n\nthree\n"), Counts({State.SUCCEEDED: 1200, State.FAILED: 1})
    assert pretty(log) == "one\n\x1b[31mtwo\x1b[0m\n\nthree\x1b[0m"
    assert Tags(str(log._repr_html_())).text == "one\ntwo\n\nthree"
    assert pretty(Log("")) == "It has written nothing so far."
    assert pretty(Log("line\n" * 3000)).splitlines()[:2] == ["... (print it to see all)", "line"]
    assert pretty(counts) == "1,201 jobs\nsucceeded  1,200\nfailed     1"
    assert "<td" in str(counts._repr_html_())
    assert (repr(counts), counts[State.QUEUED]) == ("{'succeeded': 1200, 'failed': 1}", 0)
    assert counts == {State.SUCCEEDED: 1200, State.FAILED: 1}
    records = Records([JobRecord(id="a1", state=State.QUEUED, queue="q", function="f", label="the fit")] * 60)
    assert pretty(records).splitlines()[0].startswith("Jobs of this list")
    assert (pretty(records).count("a1"), "<td" in str(records._repr_html_())) == (50, True)
    workers = ShownList([EngineInfo(id="e", host="here", queues=("q",))], kind=EngineInfo)
    assert pretty(workers).startswith("Workers\nhost ")
    assert pretty([workers]) == f"[{workers!r}]"


def test_answers_travel_as_what_they_are() -> None:
    """A log is a text where it is passed on, for workers that take plain data only too."""
    found = codec.load_plain_value(codec.dump_plain_value([Log("a\n")]))
    assert (found, type(found[0])) == (["a\n"], str)
    assert pickle.loads(pickle.dumps(Counts({State.FAILED: 1}))) == {State.FAILED: 1}


def test_without_a_drawing_values_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing draws, a notebook shows the repr."""
    monkeypatch.setattr(shown, "drawing", None)
    assert QueueStats(name="a")._repr_html_() is None
    assert Queue("a")._repr_mimebundle_() is None


def test_a_drawing_that_fails_hides_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the repr is shown."""

    class Broken(ProcessDrawing):
        def html(self, subject: Any) -> str | None:
            raise OSError(subject)

    monkeypatch.setattr(shown, "drawing", Broken())
    assert QueueStats(name="a")._repr_html_() is None
    assert [record.message for record in caplog.records] == ["A QueueStats could not be drawn."]


def test_handles_show_how_it_is_now(asked: Settings) -> None:
    """A queue, a schedule, the schedules and the jobs are shown as they are at this moment."""
    with running_worker(asked, "--slots", "2"):
        job = options(label="the sum").submit(sum, [1, 2]).wait()
        assert job.wait() == 3
        options(delay=60).submit(sum, []).wait()
        schedule(Every(3600, name="hourly"), sum, []).wait()
        queue = text_of(Queue())
        lists = [Queue().workers().wait(), job.attempts().wait(), Queue().alerts().wait(), job.deliveries().wait()]
    rows = dict(line.split(maxsplit=1) for line in queue.splitlines()[1:])
    assert {name: rows[name] for name in ("state", "queued", "scheduled", "running", "succeeded", "workers")} == {
        "state": "open", "queued": "0", "scheduled": "1", "running": "0", "succeeded": "1", "workers": "1, with 2 slots"
    }  # fmt: skip
    assert rows["runs"].endswith("(of the last 1)")
    assert queue.startswith('Queue "default", as of 20')
    assert "every 1 h" in text_of(schedules["hourly"])
    assert text_of(schedules["yearly"]).startswith("<Schedule yearly; await its .info()>: The server knows no schedule")
    assert [name in text_of(schedules) for name in ("hourly", "yearly")] == [True, False]
    assert "<td" in str(schedules.all().wait()._repr_html_())
    assert "✓ succeeded  the sum" in text_of(nbqueue.jobs)
    assert "the sum" in str(job.info().wait()._repr_html_())
    drawn = [str(each._repr_html_()) for each in lists if isinstance(each, ShownList)]
    words = ("Python 3", "✓ succeeded", "There are none.", "Nobody is told")
    assert [word in html for word, html in zip(words, drawn, strict=True)] == [True] * 4


def test_a_repr_asks_nobody(home: Path) -> None:
    """The text of a handle never waits, whatever the server does."""
    before, threads = exchange(Session(Settings(url="redis://127.0.0.1:1/0", home=home))), set(threading.enumerate())
    try:
        assert repr(Queue("a")) == "Queue('a')"
        assert repr(schedules["b"]) == "<Schedule b; await its .info()>"
    finally:
        exchange(before)
    assert set(threading.enumerate()) == threads


def test_a_server_that_is_away_is_one_line(home: Path) -> None:
    """Where the server does not answer, the cell says so after a second; where nothing runs, nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = exchange(Session(Settings(url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0", home=home)))
        try:
            assert text_of(Queue("a")) == "Queue('a'): The server did not answer within 1 s."
            exchange(Session(Settings(url=None, home=home / "none")))
            assert text_of(Queue("a")) == (
                "Queue('a'): The local stack is not running: the first submit starts it, or %nbqueue up."
            )
            exchange(Session(Settings(url="inline:", home=home)))
            assert text_of(Queue("a")) == "Queue('a'): Nothing was submitted in this process so far."
        finally:
            exchange(before)
    assert not (home / "none").exists()


def test_importing_is_enough(settings: Settings) -> None:
    """In a kernel that has only imported nbqueue a handle is a table, as text and as HTML."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        (found,) = displayed(kernel.run("import nbqueue\nnbqueue.Queue()"), "execute_result")
        assert found["text/plain"].startswith('Queue "default", as of')
        assert "<td" in found["text/html"]
        (listed,) = displayed(kernel.run("await nbqueue.Queue().workers()"), "execute_result")
        assert listed["text/html"] == "<div><b>Workers</b> None is running.</div>"
        (job,) = displayed(kernel.run("await (await nbqueue.submit(sum, [])).info()"), "execute_result")
        assert "○ queued" in job["text/html"]


def text_of(handle: Any) -> str:
    """What it shows as text; the HTML says the same."""
    bundle = handle._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    text: str = bundle["text/plain"]
    return text


def test_lists_are_lists() -> None:
    """What is drawn as a table is equal to a plain list, and can be sent."""
    found = ShownList([1, 2], kind=int)
    again = pickle.loads(pickle.dumps(found))
    assert (again, type(again), again.kind, found[:1]) == ([1, 2], ShownList, int, [1])
