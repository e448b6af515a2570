"""All that is known of one job: its record, why it waits, its error and where that was raised."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import click

from nbqueue.broker import jobs as wire
from nbqueue.broker.history import Ask
from nbqueue.broker.holdup import standing
from nbqueue.broker.keys import Keys
from nbqueue.broker.named_key import key_path
from nbqueue.broker.signing import Keyring
from nbqueue.cli import tables
from nbqueue.cli.reach import asking
from nbqueue.client.ended import opened
from nbqueue.display import wording
from nbqueue.display.view import percent
from nbqueue.errors import JobLost
from nbqueue.model import holdup, names
from nbqueue.model.job import JobRecord
from nbqueue.model.settings import Settings
from nbqueue.model.states import FAILURES, State

#: lines of a traceback that are printed, and characters of each
TRACEBACK_LINES, TRACEBACK_COLUMNS = 20, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OneJob:
    """A job, and what its record does not say."""

    #: what the server says of it
    record: JobRecord
    #: what it waits for; empty: nothing
    why: str = ""
    #: where its error was raised on the worker; empty where that is not kept, or there is no key to verify it with
    traceback: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """Name -> value of what is known, each in one harmless line."""
        found = _facts(self.record, self.why)
        return {name: wording.line(value, tables.TEXT_LIMIT) for name, value in found.items() if value}

    @property
    def raised_at(self) -> tuple[str, ...]:
        """The last lines of its traceback, harmless; the first says how many there are."""
        kept = [line for line in self.traceback.splitlines() if line.strip()]
        if not kept:
            return ()
        rest = f", the last {TRACEBACK_LINES:,} of {len(kept):,} lines" if len(kept) > TRACEBACK_LINES else ""
        return (f"traceback on the worker{rest}:", *wording.tail("\n".join(kept), TRACEBACK_LINES, TRACEBACK_COLUMNS))


def show(settings: Settings, job_id: str, *, json_wanted: bool) -> None:
    """Print the job as names and values and where its error was raised, or as one object with `why` and `traceback`.

    Raises JobLost for an unknown one.
    """
    names.check_job_id(job_id)
    keyring = Keyring.look(key_path(settings))
    found = asking(settings, lambda server: look_up(server.ask, server.keys, keyring, job_id))
    if json_wanted:
        fields = {field.name: getattr(found.record, field.name) for field in dataclasses.fields(found.record)}
        tables.print_json({**fields, "why": found.why, "traceback": found.traceback})
        return
    tables.print_facts(found.facts)
    if found.raised_at:
        click.echo("\n" + "\n".join(found.raised_at))


async def look_up(ask: Ask, keys: Keys, keyring: Keyring, job_id: str) -> OneJob:
    """Ask for all that is known of a job. Raises JobLost for an unknown one."""
    found: list[JobRecord | None] = await ask(lambda client: wire.records(client, keys, [job_id]))
    [record] = found
    if record is None:
        raise JobLost(f'The server knows no job "{job_id}": `nbqueue jobs` lists those it knows.', job_id=job_id)
    if record.state in FAILURES:
        [blob] = await ask(lambda client: wire.results(client, keys, [job_id]))
        return OneJob(record=record, traceback=_traceback(blob, keys, keyring, record))
    if not record.may_be_held_up:
        return OneJob(record=record)
    there = await ask(lambda client: standing(client, keys, holdup.waiting([record])))
    return OneJob(record=record, why=next(filter(None, holdup.of_job(there, record)), ""))


def _traceback(blob: bytes | None, keys: Keys, keyring: Keyring, record: JobRecord) -> str:
    """Of the end that a worker signed; nothing where it is no longer kept, or cannot be verified here."""
    ended = opened(keyring, keys.namespace, record.id, record.fence, blob) if blob is not None else None
    return str((ended.header.get("error") or {}).get("traceback") or "") if ended is not None else ""


def _facts(record: JobRecord, why: str) -> dict[str, object]:
    """What a card has of it; what is empty is left out."""
    times = (("submitted", record.submitted_at), ("due", record.due_at), ("started", record.started_at),
             ("ended", record.finished_at))  # fmt: skip
    told = f"{record.error_type}: {record.error}" if record.error_type else ""
    return {
        "id": record.id,
        "state": f"{record.state} ({record.reason})" if record.reason and not why else record.state,
        "waits": why,
        "queue": record.queue,
        "function": record.function,
        "label": record.label if record.label != record.function else "",
        "tags": ", ".join(record.tags),
        "group": record.group,
        "after": ", ".join(record.after),
        "priority": record.priority or "",
        "needs": record.needs,
        **{word: f"{at:%Y-%m-%d %H:%M:%S} UTC, {tables.ago(at)}" for word, at in times if at is not None},
        "took": tables.span(record.elapsed_s) if record.state is State.RUNNING or record.state.is_final else "",
        "attempt": _attempts(record),
        "worker": record.worker,
        "progress": _progress(record),
        "retry of": record.retry_of,
        "retried by": record.retried_by,
        "stopped by": record.stopped_by,
        "failed parent": record.failed_parent,
        # of one that succeeded an attempt before raised it
        "error": told if record.state is not State.SUCCEEDED else "",
    }


def _attempts(record: JobRecord) -> str:
    """Which attempt it is, and how many were lost."""
    lost = [f"{count:,} {word}" for count, word in ((record.losses, "lost"), (record.crashes, "crashed")) if count]
    told = f"{record.tries:,} of {record.max_tries:,}" if record.tries or record.max_tries > 1 else ""
    return ", ".join(filter(None, (told, *lost)))


def _progress(record: JobRecord) -> str:
    """How far it is, with its message and its metrics."""
    found = record.progress
    metrics = ", ".join(f"{name} {json.dumps(value)}" for name, value in found.metrics.items())
    return ", ".join(filter(None, (percent(found.fraction), found.message, metrics)))
