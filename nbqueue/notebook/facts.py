"""Records as tables: what is known of a job, an attempt, a queue or a schedule, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from nbqueue.broker.queues import EngineInfo, Percentiles, QueueStats
from nbqueue.client.alerts import Alert
from nbqueue.client.schedule_list import COLUMNS, cells
from nbqueue.display import palette, text, view, wording
from nbqueue.display.table import Table
from nbqueue.model import labels
from nbqueue.model.alerting import described
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.delivery import Delivery
from nbqueue.model.job import JobRecord
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.states import FINAL, State

#: characters of a value that has a line to itself
WIDE = 400

_FINAL = tuple(state for state in State if state in FINAL)


def job(record: JobRecord, at: datetime) -> Table:
    """All that is known of a job, but for what is as usual."""
    card = view.of_job(record, now=at)
    progress = record.progress
    metrics = ", ".join(f"{name} {value}" for name, value in card.metrics)
    return _facts(f"Job {record.id}", {
        "state": _state(card), "label": record.label, "function": record.function, "queue": record.queue,
        "priority": str(record.priority or ""), "progress": text.figures(card), "message": progress.message,
        "metrics": metrics, "error": card.error, **_times(record), **_kin(record),
        "tries": f"{record.tries} of {record.max_tries}" if record.tries else "", "worker": record.worker,
        "losses": str(record.losses + record.crashes or ""), "needs": labels.in_words(record.needs),
        "tags": ", ".join(record.tags),
    })  # fmt: skip


def attempt(found: AttemptRecord) -> Table:
    """An attempt that ended."""
    return _facts(f"Attempt {found.number}", {
        "state": _attempt_state(found), "started": moment(found.started_at), "ended": moment(found.finished_at),
        "took": _took(found), "worker": found.worker, "error": _error(found), "traceback": found.traceback,
    })  # fmt: skip


def attempts(found: Sequence[AttemptRecord]) -> Table:
    """The attempts at a job."""
    rows = [
        (str(each.number), _attempt_state(each), moment(each.started_at), _took(each), each.worker, _error(each))
        for each in found
    ]
    return Table(
        title="Attempts", columns=("attempt", "state", "started", "took", "worker", "error"), rows=rows,
        empty="None has ended so far.",
    )  # fmt: skip


def counts(found: Mapping[State, int]) -> Table:
    """How many jobs are in which state."""
    words = {palette.STATES[state].word: f"{found[state]:,}" for state in State if found.get(state)}
    return _facts(f"{sum(found.values()):,} jobs", words)


def queue(stats: QueueStats, engines: Iterable[EngineInfo] | None = None, *, at: datetime | None = None) -> Table:
    """The numbers of a queue, and who serves it where that was asked."""
    waiting = {"waiting for other jobs": stats.blocked, **{_gate(gate): held for gate, held in stats.held_back.items()}}
    told = ", ".join(f"{count:,} {words}" for words, count in waiting.items() if count)
    found = {
        "state": stats.standing, "queued": f"{stats.queued:,}" + (f" ({told})" if told else ""),
        "scheduled": f"{stats.scheduled:,}", "running": f"{stats.running:,}",
        **{palette.STATES[state].word: f"{stats.ended[state]:,}" for state in _FINAL if stats.ended.get(state)},
    }  # fmt: skip
    found |= {"ended in the last minute": "" if stats.per_minute is None else f"{stats.per_minute:,.0f}"}
    if stats.oldest_s is not None:
        found["oldest waits for"] = wording.duration(stats.oldest_s, running=True)
    for words, times in (("waits", stats.waits_s), ("runs", stats.runs_s)):
        if times is not None:
            found[words] = _percentiles(times)
    if stats.memory is not None:
        found["server's memory"] = (
            stats.memory.warning or f"{stats.memory.share:.0%} of {wording.size(stats.memory.limit_bytes)}"
        )
    if engines is not None:
        found["workers"] = _served(tuple(engines))
    clock = f", as of {moment(at)}" if at is not None else ""
    return _facts(f'Queue "{stats.name}"{clock}', found)


def _percentiles(times: Percentiles) -> str:
    shares = ((50, times.p50), (90, times.p90), (99, times.p99))
    told = ", ".join(f"{share} % within {wording.duration(each_s)}" for share, each_s in shares)
    return f"{told} (of the last {times.attempts:,})"


def engine(found: EngineInfo, at: datetime) -> Table:
    """A worker's engine."""
    up_s = None if found.started_at is None else (at - found.started_at).total_seconds()
    resources = ", ".join(f"{name}={number:g}" for name, number in found.resources.items())
    return _facts(f"Engine {found.id}", {
        "host": found.host, "process": str(found.pid or ""), "queues": ", ".join(found.queues),
        "running": f"{found.running:,}, with {found.slots:,} slots for sync functions", "resources": resources,
        "labels": ", ".join(found.labels),
        "functions": ", ".join(found.functions) + (" (no others)" if found.only_registered else ""),
        "versions": f"Python {found.python}, nbqueue {found.version}",
        "up for": "" if up_s is None else wording.duration(up_s, running=True),
    })  # fmt: skip


def schedule(record: ScheduleRecord) -> Table:
    """All that is known of a schedule."""
    name, *values = cells(record)
    shown = dict(zip(COLUMNS[1:], values, strict=True))
    return _facts(f'Schedule "{name}"', {**shown, "waiting": f"{record.waiting:,}" if record.waiting else ""})


def delivery(found: Delivery) -> Table:
    """Word that is left at a webhook."""
    return deliveries([found])


def deliveries(found: Sequence[Delivery]) -> Table:
    """Words that are left at webhooks."""
    rows = [
        (
            each.url, str(each.state), f"{each.attempts:,}", "" if each.status is None else str(each.status),
            moment(each.delivered_at or each.next_at), each.error,
        )
        for each in found
    ]  # fmt: skip
    return Table(
        title="Deliveries", columns=("url", "state", "attempts", "status", "at", "error"), rows=rows,
        empty="Nobody is told of its end.",
    )  # fmt: skip


def alerts(found: Sequence[Alert]) -> Table:
    """Alerts on queues."""
    rows = [
        (each.id, each.queue, ", ".join(described(each.limits)), each.url or "a callable of this process")
        for each in found
    ]
    return Table(title="Alerts", columns=("id", "queue", "when", "tells"), rows=rows, empty="There are none.")


def cut(table: Table, count: int, most: int) -> Table:
    """A table of the first of many; its title says so."""
    return table if count <= most else replace(table, title=f"{table.title}: the first {most:,} of {count:,}")


def moment(at: datetime | None) -> str:
    """A moment as records have it: UTC, to the second."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _facts(title: str, found: Mapping[str, str]) -> Table:
    return Table(title=title, columns=("", ""), rows=[pair for pair in found.items() if pair[1]], limit=WIDE)


def _state(card: view.CardView) -> str:
    return ", ".join((f"{card.look.glyph} {card.look.word}", *card.notes))


def _times(record: JobRecord) -> dict[str, str]:
    waits = not record.state.is_final and record.state is not State.RUNNING
    return {
        "submitted": moment(record.submitted_at), "due": moment(record.due_at) if waits else "",
        "started": moment(record.started_at), "ended": moment(record.finished_at),
    }  # fmt: skip


def _kin(record: JobRecord) -> dict[str, str]:
    return {
        "group": record.group, "after": ", ".join(record.after), "retry of": record.retry_of,
        "retried by": record.retried_by, "submitted by": record.parent, "failed parent": record.failed_parent,
    }  # fmt: skip


def _attempt_state(found: AttemptRecord) -> str:
    """With its glyph, where the history has one of ours: anybody may write it."""
    known = {str(state): look for state, look in palette.STATES.items()}
    look = known.get(found.state)
    return found.state if look is None else f"{look.glyph} {look.word}"


def _took(found: AttemptRecord) -> str:
    if found.started_at is None or found.finished_at is None:
        return ""
    return wording.duration((found.finished_at - found.started_at).total_seconds())


def _error(found: AttemptRecord) -> str:
    return ": ".join(part for part in (found.error_type, found.error) if part)


def _served(engines: Sequence[EngineInfo]) -> str:
    if not engines:
        return "none: nobody runs its jobs"
    return f"{len(engines):,}, with {sum(each.slots for each in engines):,} slots"


_GATES = {"f": "of a paused function", "t": "with a paused tag", "g": "of a paused group", "l": "at a limit",
          "r": "waiting for resources"}  # fmt: skip


def _gate(gate: str) -> str:
    kind, _, name = gate.partition(":")
    name = labels.in_words(name) if kind == "r" else name
    return f"{_GATES.get(kind, 'held back')} ({name})" if name else _GATES.get(kind, "held back")
