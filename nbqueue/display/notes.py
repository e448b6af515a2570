"""What a card adds in short notes: why a job waits, which try it is, where it runs, what became of it."""

from __future__ import annotations

from datetime import datetime

from nbqueue.display import wording
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State, WaitReason

RECONNECTING = ("connection lost, trying again",)


def of_job(record: JobRecord, now: datetime, why: str, *, reconnecting: bool) -> tuple[str, ...]:
    """The notes of a job; `why` is what holds it up where more is known than its record says."""
    if record.state.is_final:
        return tuple(note for note in (_stopped(record), _tries(record), _losses(record)) if note)
    found = (
        wording.line(why) or _waiting(record, now),
        _tries(record),
        _losses(record),
        _worker(record),
        *(RECONNECTING if reconnecting else ()),
    )
    return tuple(note for note in found if note)


def _waiting(record: JobRecord, now: datetime) -> str:
    if record.state is State.RUNNING:
        return ""
    if record.reason is WaitReason.PAUSED:
        return f'queue "{record.queue}" is paused'
    if record.reason is WaitReason.BLOCKED:
        return "waits for other jobs"
    wait_s = (record.due_at - now).total_seconds() if record.due_at else 0.0
    if wait_s < 1:
        return ""
    begins = "tries again" if record.reason is WaitReason.RETRYING else "starts"
    # where it is read later, in a saved notebook, the moment is still right
    return f"{begins} in {wording.duration(wait_s, running=True)}, at {wording.when(record.due_at, now)}"


def _tries(record: JobRecord) -> str:
    # one that runs is counted when it has ended
    number = min(record.tries + (record.state is State.RUNNING), record.max_tries)
    return f"try {number} of {record.max_tries}" if number and record.max_tries > 1 else ""


def _worker(record: JobRecord) -> str:
    """Where it runs: host and process of the engine, of whose names they are a part."""
    if record.state is not State.RUNNING or not record.worker:
        return ""
    host, *rest = record.worker.rsplit("-", 3)
    is_named = len(rest) == 3 and rest[0].isdecimal()  # noqa: PLR2004 - an engine's name: host, pid, number, chance
    return wording.line(f"on {host}, pid {rest[0]}" if is_named else f"on {record.worker}")


def _losses(record: JobRecord) -> str:
    lost = record.losses + record.crashes
    if not lost:
        return ""
    what = "its process died" if record.crashes else "its worker was lost"
    if record.state.is_final:
        return f"{what} {'once' if lost == 1 else f'{lost} times'}"
    return f"{what}, runs again" if lost == 1 else f"{what} ({lost} times), runs again"


def _stopped(record: JobRecord) -> str:
    if record.state is State.SUCCEEDED and record.stopped_by == "timeout":
        return "handed back at its time limit"
    if record.stopped_by == "cancel" and record.state is not State.CANCELLED:
        return "handed back after a cancel"
    return ""
