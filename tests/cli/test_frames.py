"""A frame of `nbqueue top`: it fits every terminal, and the cursor stays on a row."""

from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.text import Text

from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.board.roster import Choice
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.cli.one_job import OneJob
from nbqueue.cli.screen import keys
from nbqueue.cli.screen.frame import Size, frame
from nbqueue.cli.screen.job_page import page
from nbqueue.cli.screen.opened import Sight
from nbqueue.cli.screen.seat import FILTERS, Seat
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
LONG = "\x1b[31m漢字 and more of it, \u202eword by word" * 5
FACTS = Facts(
    version=1, at=NOW, unseen={"queue0-": 7}, problem="",
    rest=tuple(QueueFacts(stats=QueueStats(name=f"rest{i}", queued=1, running=2)) for i in range(3)),
    queues=tuple(QueueFacts(stats=QueueStats(name=f"queue{i}-{'x' * 3 * i}", queued=10**i)) for i in range(9)),
    engines=tuple(EngineInfo(id=f"e{i}", host="host" * 9, pid=i, queues=("a", "b")) for i in range(9)),
    jobs=tuple(
        JobRecord(
            id=f"job-{number}", state=state, queue="default", function="shop.solve", label=LONG if number % 2 else "",
            started_at=NOW if state is State.RUNNING else None, progress=Progress(done=number, total=90),
            error_type="ValueError" if state is State.FAILED else "", error=LONG,
        )
        for number, state in enumerate([State.RUNNING, State.QUEUED, State.FAILED, State.SUCCEEDED] * 20)
    ),
)  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("height", [12, 16, 24, 60])
def test_a_frame_fits(width: int, height: int) -> None:
    """It has as many lines as the terminal, none is wider, there are jobs in it, and no text steers the terminal."""
    seat = Seat(Choice())
    lines = frame(FACTS, seat, Size(width=width, height=height), where="redis://host:6379/0", now=NOW)
    assert (len(lines), max(cell_len(line.plain) for line in lines) <= width) == (height, True)
    assert (len(seat.visible) > 0, len(seat.queues) > 0) == (True, True)
    text = "".join(line.plain for line in lines)
    assert (text.isprintable(), "\u202e" in text) == (True, False)


def test_the_title_is_of_all_queues() -> None:
    """Those that are not listed are counted too."""
    title = frame(FACTS, Seat(Choice()), Size(width=200, height=24), where="x", now=NOW)[0].plain
    assert "12 queues, 9 workers, 6 running, 111,111,114 waiting" in title


def test_a_frame_of_ascii() -> None:
    """A terminal that knows no more gets no more, but for what people have named so."""
    found = frame(
        Facts(at=NOW, queues=FACTS.queues), Seat(Choice()), Size(width=80, height=24, wide=False), where="x", now=NOW
    )
    assert "".join(line.plain for line in found).isascii()


@pytest.mark.parametrize("facts", [Facts(), Facts(problem="It is gone: " + "x" * 300), Facts(at=NOW, warning="full")])
def test_a_frame_of_little(facts: Facts) -> None:
    """Where nothing is known yet, or nothing is there, it says so, and fits."""
    lines = frame(facts, Seat(Choice()), Size(width=80, height=24), where="x", now=NOW)
    assert (len(lines), max(cell_len(line.plain) for line in lines) <= 80) == (24, True)
    assert "No worker runs." in [line.plain for line in lines]


def test_the_cursor_goes_through_all_jobs() -> None:
    """What runs comes first; at the end of the page the page moves on, and at the end of all it stays."""
    seat = Seat(Choice())
    seen = []
    for _ in range(100):
        frame(FACTS, seat, Size(width=80, height=24), where="x", now=NOW)
        assert seat.job in seat.visible
        seen.append(seat.job)
        seat.move(1)
    states = {record.id: record.state for record in FACTS.jobs}
    assert len(set(seen)) == 80
    assert [states[job_id] for job_id in seen[:40]] == [State.RUNNING] * 20 + [State.QUEUED] * 20
    seat.move(-1000)
    frame(FACTS, seat, Size(width=80, height=24), where="x", now=NOW)
    assert (seat.start, seat.job) == (0, seen[0])


def test_the_cursor_goes_through_all_queues() -> None:
    """Queues that there is no room for come into sight."""
    seat = Seat(Choice())
    seat.among_queues = True
    seen = []
    for _ in range(12):
        frame(FACTS, seat, Size(width=80, height=16), where="x", now=NOW)
        seen.append(seat.queue)
        seat.move(1)
    assert list(dict.fromkeys(seen)) == [each.stats.name for each in FACTS.queues]


def test_other_states() -> None:
    """The key goes through the filters, and back to the first."""
    seat = Seat(Choice())
    shown = []
    for _ in range(4):
        frame(FACTS, seat, Size(width=80, height=24), where="x", now=NOW)
        shown.append(seat.choice.state)
        seat.turn_filter()
    assert shown == [*FILTERS, FILTERS[0]]


def test_an_answer_is_shown_for_a_while() -> None:
    """Then the line tells of the row with the cursor again."""
    clock = [0.0]
    seat = Seat(Choice(), clock=lambda: clock[0])
    seat.say("Cancel 1 job: 1 cancelled")
    first = frame(FACTS, seat, Size(width=80, height=24), where="x", now=NOW)[-2].plain
    clock[0] = 20.0
    second = frame(FACTS, seat, Size(width=80, height=24), where="x", now=NOW)[-2].plain
    assert (first, second.startswith(f"{seat.job} · shop.solve")) == ("Cancel 1 job: 1 cancelled", True)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_an_id_that_nbqueue_makes_is_whole(width: int) -> None:
    """It can be typed; of a longer one there is the beginning."""
    ids = ("0123456789abcdef0123", "0123456789abcdef4567", "x" * 128)
    facts = Facts(at=NOW, jobs=tuple(JobRecord(id=each, state=State.QUEUED, function="f") for each in ids))
    lines = frame(facts, Seat(Choice()), Size(width=width, height=24), where="x", now=NOW)
    shown = {line.plain.split()[0] for line in lines if line.plain.startswith(("0", "xx"))}
    assert shown >= set(ids[:2])
    assert any(each.endswith("…") for each in shown)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("height", [12, 24])
def test_the_page_of_a_job_fits(width: int, height: int) -> None:
    """Whatever is known of it, and however far somebody has scrolled; no text steers the terminal."""
    record = JobRecord(id="j" * 128, state=State.FAILED, label=LONG, error_type="ValueError", error=LONG)
    job = OneJob(record=record, traceback=f"{LONG}\n" * 30)
    seat = Seat(Choice())
    seat.open(record.id)
    for sight in (Sight(id="a"), Sight(id="a", problem=LONG), Sight(id="a", job=job, log=f"{LONG}\n" * 90)):
        for step in (0, 5, 500):
            seat.move(step)
            lines = page(sight, seat, Size(width=width, height=height), title=Text("x", end=""), now=NOW)
            assert (len(lines), max(cell_len(line.plain) for line in lines) <= width) == (height, True)
            assert "".join(line.plain for line in lines).isprintable()
    assert seat.scroll == seat.scrolls > 0


def test_the_keys_are_those_that_do_something() -> None:
    """Among the queues none that is for jobs; on a narrow terminal fewer, each whole, and the help is the last."""
    seat = Seat(Choice())
    assert keys.line(seat, 200, wide=True) == (
        "q quit  ↑↓ move  Enter open  Tab queues  p pause  c cancel  r retry  s states  ? help"
    )
    assert keys.line(seat, 60, wide=False) == "q quit  Enter open  Tab queues  c cancel  r retry  ? help"
    assert keys.line(seat, 20, wide=False) == "q quit  ? help"
    seat.among_queues = True
    assert keys.line(seat, 80, wide=False) == "q quit  j/k move  Tab jobs  p pause  s states  ? help"
