"""The dashboard's tables: what is written in them, for widgets, for saved notebooks and for terminals."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from nbqueue.board import columns, group_row, lacking
from nbqueue.board.activity import WINDOWS, Bar, Chart
from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.broker.groups import GroupCounts
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.model.advice import no_resources, no_worker
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Progress
from nbqueue.model.states import State
from nbqueue.notebook.board import grid, snapshot

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = "<img src=x onerror=alert(1)>\"'&<script>\x1b[2J\u202e</script>"
HARMLESS = "&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;&lt;script&gt;&lt;/script&gt;"
MAX = 10_000


def words(row: columns.Row) -> list[str]:
    """The cells of a row as text."""
    return [cell.words for cell in row]


def test_a_queue_in_a_row() -> None:
    """What waits, is delayed, runs and failed; how fast it ends, and how long the oldest waits."""
    stats = QueueStats(
        name="default", paused=True, queued=1200, scheduled=3, running=2,
        ended={State.FAILED: 2, State.CRASHED: 1, State.SUCCEEDED: 9},
    )  # fmt: skip
    row = columns.queue(QueueFacts(stats=stats, per_minute=12.4, oldest_s=75))
    assert words(row) == ["default", "‖ paused", "1,200", "3", "2", "✗ 3", "12", "1 min 15 s"]
    assert words(columns.queue(QueueFacts(stats=QueueStats(name="q")))) == ["q", "open", "0", "0", "0", "0", "0", ""]


def test_a_worker_in_a_row() -> None:
    """Where it runs, what it serves, what it uses, since when; what is not known stays empty."""
    engine = EngineInfo(
        id="e", host="node", pid=7, python="3.12", version="1", queues=("a", "b"), functions=("f", "g"), slots=4,
        started_at=NOW - timedelta(hours=2), running=3, cpu_percent=180.3, memory_bytes=1_234_000_000,
    )  # fmt: skip
    assert words(columns.worker(engine, NOW)) == [
        "node", "7", "a, b", "3 of 4", "2", "180%", "1.2 GB", "2 h 00 min", "Python 3.12, nbqueue 1",
    ]  # fmt: skip
    assert words(columns.worker(EngineInfo(id="e"), NOW))[3:8] == ["0", "0", "", "", ""]


def test_a_job_in_a_row() -> None:
    """What its card says: state, progress, time, and error or message."""
    running = JobRecord(
        id="j1", state=State.RUNNING, function="solve", submitted_at=NOW, started_at=NOW - timedelta(seconds=12.7),
        progress=Progress(done=3, total=4, message="half way", metrics={"objective": 10}),
    )  # fmt: skip
    failed = JobRecord(
        id="j2",
        state=State.FAILED,
        label="my job",
        submitted_at=NOW - timedelta(days=3),
        error_type="ValueError",
        error="no",
    )
    assert words(columns.job(running, NOW))[:5] == ["solve", "► running", "3/4", "12 s", "default"]
    assert words(columns.job(running, NOW))[6] == "half way · objective 10"
    row = words(columns.job(failed, NOW))
    assert (row[:3], row[6]) == (["my job", "✗ failed", ""], "ValueError: no")
    assert re.fullmatch(r"\d\d-\d\d \d\d:\d\d", row[5])


def test_what_no_worker_serves_is_said_in_its_row() -> None:
    """Of a queue and of a job: a word in sight, and what to do about it beside it."""
    lack = no_worker("gpu")
    facts = QueueFacts(stats=QueueStats(name="gpu", queued=2), oldest_s=9, lack=lack)
    assert (words(columns.queue(facts))[1], columns.queue(facts)[1].title) == ("! no worker", lack)
    row = columns.job(JobRecord(id="j", state=State.QUEUED, queue="gpu"), NOW, lack)
    assert (row[1].words, row[6].words) == ("! no worker", lack)


def test_only_what_waits_in_vain_lacks_a_worker() -> None:
    """Not what came just now, is paused, held back, waits for its time, or has a worker."""

    def queue(name: str, oldest_s: float = 9, **facts: Any) -> QueueFacts:
        return QueueFacts(stats=QueueStats(name=name, **{"queued": 1, **facts}), oldest_s=oldest_s)

    queues = (
        queue("vain"), queue("served"), queue("new", 1), queue("paused", paused=True),
        queue("held", held_back={"l:x": 1}), queue("none", queued=0, scheduled=1),
    )  # fmt: skip
    old, new = NOW - timedelta(seconds=9), NOW - timedelta(seconds=1)
    jobs = (
        JobRecord(id="vain", state=State.QUEUED, queue="vain", submitted_at=old),
        JobRecord(id="served", state=State.QUEUED, queue="served", submitted_at=old),
        JobRecord(id="new", state=State.QUEUED, queue="vain", submitted_at=new),
        JobRecord(id="due", state=State.QUEUED, queue="vain", submitted_at=old, due_at=new),
        JobRecord(id="needy", state=State.QUEUED, queue="served", submitted_at=old, needs="gpu=1"),
        JobRecord(id="later", state=State.SCHEDULED, queue="vain", submitted_at=old),
    )
    facts = lacking.noted(Facts(at=NOW, queues=queues, jobs=jobs), {"served": [{}]}, lambda _: 2.0)
    assert [each.stats.name for each in facts.queues if each.lack] == ["vain"]
    assert facts.lacks == {"vain": no_worker("vain"), "needy": no_resources("served", "gpu=1")}


def test_a_group_in_a_row() -> None:
    """Its name and size, how many have ended, and how many are what."""
    first = JobRecord(
        id="j", state=State.SUCCEEDED, group="g", function="solve", submitted_at=NOW,
        started_at=NOW - timedelta(seconds=20), finished_at=NOW - timedelta(seconds=10),
    )  # fmt: skip
    found = GroupCounts(total=100, left=97, states={State.SUCCEEDED: 2, State.FAILED: 1, State.QUEUED: 97})
    row = columns.job(group_row.row(found, first, [first], {"j"}), NOW)
    assert words(row)[:4] == ["solve, 100 jobs", "○ queued", "3/100", "20 s"]
    assert words(row)[6] == "2 succeeded · 1 failed · 97 queued"
    over = GroupCounts(total=3, left=0, states={State.SUCCEEDED: 3})
    assert words(columns.job(group_row.row(over, first, [first], {"j"}), NOW))[3] == "10.0 s"
    assert words(columns.job(group_row.row(over, first, [], ()), NOW))[1:4] == ["✓ succeeded", "3/3", ""]


def test_texts_of_others_stay_texts() -> None:
    """Names, labels, errors, hosts and functions are escaped and steer nothing, in cells and in titles."""
    record = JobRecord(
        id=HOSTILE, state=State.FAILED, label=HOSTILE, queue=HOSTILE, error_type=HOSTILE, error=HOSTILE,
        progress=Progress(done=1, total=2, message=HOSTILE, metrics={HOSTILE: HOSTILE}),
    )  # fmt: skip
    stats = QueueStats(name=HOSTILE)
    engine = EngineInfo(id="e", host=HOSTILE, queues=(HOSTILE,), functions=(HOSTILE,), version=HOSTILE, python=HOSTILE)
    for found in (
        grid.table("Jobs", columns.JOBS, [columns.job(record, NOW)]),
        grid.table("Queues", columns.QUEUES, [columns.queue(QueueFacts(stats=stats))]),
        grid.table("Workers", columns.WORKERS, [columns.worker(engine, NOW)]),
        snapshot.bundle(_facts(record, stats, engine), HOSTILE)["text/html"],
    ):
        assert HARMLESS in found
        assert not re.search("<img|<script|\x1b|\u202e", found)


def test_a_row_is_bounded() -> None:
    """A job that tells a book makes no page of a book."""
    record = JobRecord(id="j", state=State.FAILED, label="x" * MAX, error_type="E", error="y" * MAX, tags=("z" * MAX,))
    assert len(grid.table("Jobs", columns.JOBS, [columns.job(record, NOW)])) < MAX


def test_rows_have_a_height_that_boxes_beside_them_go_by() -> None:
    """Heading and rows alike; a selected row says so to readers of screens, and a bar its share."""
    record = JobRecord(id="j", state=State.RUNNING, progress=Progress(done=1, total=4))
    found = grid.table("Jobs", columns.JOBS, [columns.job(record, NOW)] * 2, chosen=[1])
    assert found.count("<tr") == 3
    assert f"tr {{height:{grid.ROW_PX}px;" in grid.STYLE
    assert found.count('aria-selected="true"') == 1
    assert 'role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="25"' in found
    assert "None yet" in grid.table("Jobs", columns.JOBS, [], empty="None yet")


def test_a_bar_says_what_is_written_beside_it() -> None:
    """As per cent, rounded down: it is full when all is done, and not before."""
    for done, total, percent in ((995, 1000, 99), (29, 100, 29), (10**12 - 1, 10**12, 99), (7, 7, 100), (0, 7, 0)):
        record = JobRecord(id="j", state=State.RUNNING, progress=Progress(done=done, total=total))
        found = grid.table("Jobs", columns.JOBS, [columns.job(record, NOW)])
        assert f'aria-valuenow="{percent}"' in found
        assert f'title="{percent}%"' in found


def test_what_is_saved_reads_without_styles() -> None:
    """Tables and a sentence, as HTML and as text; no drawing and no variables of a theme."""
    record = JobRecord(id="j1", state=State.SUCCEEDED, label="solve", submitted_at=NOW)
    bundle = snapshot.bundle(_facts(record, QueueStats(name="default"), EngineInfo(id="e", host="node")), "local stack")
    first, *_, last = bundle["text/plain"].splitlines()
    assert first.startswith("nbqueue, local stack, as of 2026-01-")
    assert last == "Ended in the last 5 minutes: 2 succeeded, 1 failed."
    assert "✓ succeeded" in bundle["text/plain"]
    assert not re.search(r"<svg|var\(", bundle["text/html"])


def test_what_is_not_known_is_said() -> None:
    """Without a server there are no tables, but the reason."""
    bundle = snapshot.bundle(Facts(problem="Nothing runs."), "local stack")
    assert bundle["text/plain"] == "nbqueue, local stack: Nothing runs."


def _facts(record: JobRecord, stats: QueueStats, engine: EngineInfo) -> Facts:
    chart = Chart(window=WINDOWS[0], bars=(Bar(succeeded=2, failed=1),))
    return Facts(at=NOW, queues=(QueueFacts(stats=stats),), engines=(engine,), jobs=(record,), chart=chart)
