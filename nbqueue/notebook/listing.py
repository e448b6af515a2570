"""Jobs, queues, workers and the local stack as tables: facts in, texts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client.schedule_list import COLUMNS, cells
from nbqueue.display import text, view, wording
from nbqueue.display.table import Table
from nbqueue.local.stack import StackStatus
from nbqueue.model import holdup
from nbqueue.model.holdup import Standing
from nbqueue.model.job import JobRecord
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.states import FINAL, State

#: of jobs that were found so many are listed: of those that have ended, and of those that live without a card
ENDED, LEFT_OUT = 10, 50

_HANDLES = "job = await nbqueue.attach(id) gives its handle: await job for its result, await job.logs() for its log."
_MORE = "There are more: await nbqueue.jobs.recent(limit=...) gives them, await nbqueue.attach() all that wait or run."
#: the same of a search
MORE_FOUND = "There are more: --limit N lists so many, await nbqueue.jobs.where(...) gives all of them."
_FINAL = tuple(state for state in State if state in FINAL)


def jobs(
    records: Sequence[JobRecord], *, now: datetime, of: str, standing: Standing | None = None, is_cut: bool = False
) -> Table:
    """Jobs, one a row, in the order given.

    Args: `standing`: how things stand for those that wait, where that was asked; `is_cut`: whether there are more.
    """
    rows = []
    for record in records:
        hint, why = ("", "") if standing is None else holdup.of_job(standing, record)
        card = view.of_job(record, now=now, hint=hint, why=why)
        state = f"{card.look.glyph} {card.look.word}"
        rows.append(
            (
                record.id,
                state,
                card.title,
                text.figures(card),
                wording.when(record.submitted_at, now),
                text.details(card),
            )
        )
    return Table(
        title=f"Jobs of {of}", columns=("id", "state", "job", "progress, time", "submitted", ""), rows=rows,
        empty="None so far.", note=_MORE if is_cut else "",
    )  # fmt: skip


def found(records: Sequence[JobRecord], *, now: datetime, of: str, is_cut: bool = False) -> Table:
    """The last of those that have ended, below the cards of those that live; `is_cut`: there are others besides."""
    table = jobs(records[:ENDED], now=now, of=of)
    if not records:
        return table
    count = f"{'more than ' * is_cut}{len(records):,}"
    cut = f": the last {ENDED} of {count}" if len(records) > ENDED else ""
    return replace(table, title=f"Jobs of {of} that have ended{cut}", note=_HANDLES)


def left_out(records: Sequence[JobRecord], *, now: datetime, more: int = 0) -> Table:
    """The newest of those that live and have no card of their own; `more`: how many others do."""
    table = jobs(records[:LEFT_OUT], now=now, of="")
    cut = f": the last {LEFT_OUT:,} of them" if len(records) > LEFT_OUT else ""
    besides = f" (and {more:,} that were not looked up)" if more and records else ""
    count = f"{len(records) or more:,}"
    return replace(table, title=f"and {count} more that wait or run, without a card here{besides}{cut}", empty="")


def queues(found: Sequence[QueueStats]) -> Table:
    """Queues, one a row: what waits and runs now, what ended since the store began."""
    ended = [state for state in _FINAL if any(stats.ended.get(state) for stats in found)]
    rows = [
        (
            stats.name, stats.standing,
            *(f"{number:,}" for number in (stats.queued, stats.scheduled, stats.running)),
            *(f"{stats.ended.get(state, 0):,}" for state in ended),
        )
        for stats in found
    ]  # fmt: skip
    words = [state.value.replace("_", " ") for state in ended]
    return Table(
        title="Queues", columns=("queue", "", "queued", "scheduled", "running", *words), rows=rows,
        empty="None was used so far.",
    )  # fmt: skip


def workers(found: Sequence[EngineInfo], *, now: datetime) -> Table:
    """Engines of workers, one a row."""
    rows = [
        (
            engine.host, str(engine.pid), ", ".join(engine.queues),
            f"{engine.running:,}{', draining' if engine.draining else ''}", f"{engine.slots:,}",
            wording.percent(engine.cpu_percent), wording.size(engine.memory_bytes),
            f"Python {engine.python}, nbqueue {engine.version}", _since(engine.started_at, now),
        )
        for engine in found
    ]  # fmt: skip
    columns = ("host", "process", "queues", "running", "slots", "CPU", "memory", "versions", "up for")
    return Table(title="Workers", columns=columns, rows=rows, empty="None is running.")


def schedules(found: Sequence[ScheduleRecord]) -> Table:
    """Schedules, one a row."""
    return Table(title="Schedules", columns=COLUMNS, rows=[cells(record) for record in found], empty="There are none.")


def stack(found: StackStatus, *, now: datetime) -> Table:
    """The local stack: server, worker and what looks after them."""
    server, worker, keeper = found.server, found.worker, found.keeper
    rows = [
        ("server", _runs(running=server.running), _pid(server.pid), _since(server.since, now), str(server.folder)),
        ("worker", _runs(running=worker.running), _pid(worker.pid), "", str(worker.log_file)),
        ("keeper", _runs(running=keeper.running), _pid(keeper.pid), "", str(keeper.log_file)),
    ]
    return Table(title="Local stack", columns=("part", "", "process", "up for", "files"), rows=rows)


def _runs(*, running: bool) -> str:
    return "running" if running else "not running"


def _pid(pid: int | None) -> str:
    return "" if pid is None else str(pid)


def _since(at: datetime | None, now: datetime) -> str:
    return "" if at is None else wording.duration((now - at).total_seconds(), running=True)
