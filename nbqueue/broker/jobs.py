"""What a client does with jobs in the server: submit, look up, cancel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbqueue.broker import blobs
from nbqueue.broker.asking import ask
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call, script
from nbqueue.model.events import StateChanged
from nbqueue.model.job import JobRecord, moment
from nbqueue.model.options import Options
from nbqueue.model.progress import Progress
from nbqueue.model.states import State, WaitReason

LANE_LOOP, LANE_PROCESS = 0, 1

_WAITING = (State.QUEUED, State.SCHEDULED)
_STATES = {state.value.encode(): state for state in State}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who submits, from where: what `attach()` looks jobs up by."""

    user: str = ""
    folder: str = ""
    notebook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs of one function with the same options, submitted in one round trip."""

    options: Options
    function: str
    lane: int
    #: whether workers know the function by its name, and no code travels
    by_name: bool = False
    #: (job id, sealed submission) of each
    jobs: Sequence[tuple[str, bytes]]
    origin: Origin = Origin()
    group: str = ""
    #: jobs of the group in all; the server keeps no counts of a group in which others may stand for some
    size: int = 0
    retry_of: str = ""
    #: the job that submits it
    parent: str = ""
    #: where some have more of their own: job id -> `after` (ids of jobs and groups it waits for), `digest` and `blobs`
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: where word is left when each ends, signed; empty: nowhere
    hook: str = ""


#: what `submit` answers of a job that another stands for: this, a space, and the other's id
SAME = "same"


def submit(keys: Keys, batch: Batch) -> Call[list[str]]:
    """Accept a batch; per job its state, "exists" where it was known, or `same <id>` where another stands for it.

    Raises BlobsMissing, and nothing was accepted, where large pieces of calls are not in the server.
    """
    queue, origin = batch.options.queue, batch.origin
    args: list[Any] = [keys.prefix, queue, json.dumps(_common(batch)), 3 if batch.own else 2]
    for job_id, submission in batch.jobs:
        args += (job_id, submission)
        if batch.own:
            args.append(json.dumps(batch.own.get(job_id, {})))
    return Call(
        script("submit"),
        (
            keys.queue(queue), keys.sequence, keys.wake(queue), keys.queues,
            keys.owner(origin.user, origin.folder, origin.notebook), keys.events,
        ),
        args,
        blobs.not_missing,
    )  # fmt: skip


def same_as(answer: str) -> str:
    """The id of the job that stands for one that was submitted; nothing where it stands for itself."""
    word, _, job_id = answer.partition(" ")
    return job_id if word == SAME else ""


def _common(batch: Batch) -> dict[str, Any]:
    """What the jobs of a batch have in common, as the script reads it; what is usual is left out."""
    options = batch.options
    once, window_s = options.once or (None, 0.0)
    limits = options.limits(batch.function)
    rare = {
        # a moment that was given wins over a delay
        "delay": round(options.delay * 1000) if options.at is None else 0, "at": _ms(options.at),
        "expires": round((options.expires or 0) * 1000),
        "max_tries": options.retry.max_tries if options.retry.max_tries != 1 else 0,
        "label": options.label if options.label != batch.function else None,
        "group": batch.group, "retry_of": batch.retry_of, "parent": batch.parent,
        "tags": json.dumps(options.tags) if options.tags else None, "limits": json.dumps(limits) if limits else None,
        "needs": options.needs, "hook": batch.hook,
        "on_parent": options.on_parent_failure if options.on_parent_failure != "fail" else None,
        "once": once, "window": round(window_s * 1000), "force": options.force, "named": batch.by_name,
    }  # fmt: skip
    found = {name: value for name, value in rare.items() if value}
    if batch.group and not once:
        found["size"] = batch.size or len(batch.jobs)
    return {"lane": batch.lane, "priority": options.priority, "function": batch.function, **found}


def remove(keys: Keys, job_ids: Sequence[str]) -> Call[list[str]]:
    """Forget jobs; per job "unknown", "running" (it stays) or "deleted"."""
    return Call(
        script("remove"), (keys.events,), (keys.prefix, *job_ids),
        lambda reply: [item.decode() for item in reply],
    )  # fmt: skip


def move(keys: Keys, queue: str, moved: Sequence[tuple[str, str, bytes]]) -> Call[list[bool]]:
    """Put waiting jobs, (id, queue it is in, submission signed anew), into a queue; per job whether it waits there."""
    args = [word for job in moved for word in job]
    return Call(
        script("move"), (keys.queue(queue), keys.wake(queue), keys.queues), (keys.prefix, queue, *args),
        lambda reply: [item == 1 for item in reply],
    )  # fmt: skip


def settle(keys: Keys, *, most: int = 1000) -> Call[bool]:
    """Tell jobs that wait for others of ends that came; whether there are more to tell of."""
    return Call(
        script("settle"), (keys.settling, keys.parents, keys.events), (keys.prefix, most),
        bool,
    )  # fmt: skip


def cancel(keys: Keys, job_ids: Sequence[str], *, waiting: bool = False) -> Call[list[str]]:
    """Cancel jobs; per job "unknown", "removed" (it waited), the final state it had or, of one that runs, "asked".

    With `waiting` those that run stay as they are: "running".
    """
    return Call(
        script("cancel"), (keys.events,), (keys.prefix, "waiting" if waiting else "all", *job_ids),
        lambda reply: [item.decode() for item in reply],
    )  # fmt: skip


async def records(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[JobRecord | None]:
    """What is known of each job now; None where the server knows nothing."""
    asked = [(b"HGETALL", keys.record(job_id)) for job_id in job_ids]
    *found, paused = sound(await ask(client, *asked, (b"SMEMBERS", keys.paused)))
    held = set(paused or ())
    return [_record(job_id, fields, held) for job_id, fields in zip(job_ids, found, strict=True)]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands, as a follower is told of it."""

    job_id: str
    #: None where the server knows nothing of the job; an end has the time it came, all else that of the question
    change: StateChanged | None


async def standings(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[Standing]:
    """Where each job stands now, with less to read than its record."""
    pipe = client.pipeline(transaction=False)
    pipe.time()
    for job_id in job_ids:
        pipe.hmget(keys.record(job_id), "state", "fence", "finished")
    (whole, micro), *found = sound(await pipe.execute(raise_on_error=False))
    now = datetime.fromtimestamp(whole + micro / 1_000_000, tz=UTC)
    return [Standing(job_id, _standing(job_id, fields, now)) for job_id, fields in zip(job_ids, found, strict=True)]


async def states(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[State | None]:
    """The state of each job, with as little to read as that takes; None where the server knows nothing of it."""
    found = sound(await ask(client, *((b"HGET", keys.record(job_id), "state") for job_id in job_ids)))
    return [_STATES.get(state) for state in found]


async def error_types(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[str | None]:
    """The class of each job's last error, empty where there is none; None where the server knows nothing of the job."""
    found = sound(await ask(client, *((b"HMGET", keys.record(each), "state", "error_type") for each in job_ids)))
    return [(error or b"").decode(errors="replace") if state else None for state, error in found]


async def results(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[bytes | None]:
    """The sealed results, None where there is none (any more)."""
    found: list[bytes | None] = await client.mget([keys.result(job_id) for job_id in job_ids])
    return found


async def result_sizes(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[int]:
    """The bytes of the sealed results, 0 where there is none (any more)."""
    pipe = client.pipeline(transaction=False)
    for job_id in job_ids:
        pipe.strlen(keys.result(job_id))
    found: list[int] = await pipe.execute()
    return found


async def result(client: Any, keys: Keys, job_id: str) -> bytes | None:
    """The sealed result, or None where there is none (any more)."""
    found: bytes | None = await client.get(keys.result(job_id))
    return found


async def submission(client: Any, keys: Keys, job_id: str) -> bytes | None:
    """The sealed submission: of a job that has not ended, or for a while of one that did not succeed; else None."""
    found: bytes | None = await client.get(keys.submission(job_id))
    return found


async def submissions(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[bytes | None]:
    """As `submission`, of some jobs."""
    found: list[bytes | None] = await client.mget([keys.submission(job_id) for job_id in job_ids]) if job_ids else []
    return found


def sound(replies: list[Any]) -> list[Any]:
    """The replies, None for a key of a wrong type: one broken record must not hide the others."""
    for reply in replies:
        if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
            raise reply
    return [None if isinstance(reply, Exception) else reply for reply in replies]


def _standing(job_id: str, fields: list[bytes | None] | None, now: datetime) -> StateChanged | None:
    state, fence, finished = fields or (None, None, None)
    if not state:
        return None
    try:
        known = State(state.decode())
        at = moment(finished) if known.is_final else None
        return StateChanged(job_id=job_id, state=known, at=at or now, fence=int(fence or 0))
    except (ValueError, OverflowError, OSError):
        return None


def _record(job_id: str, fields: list[bytes] | None, paused: set[bytes]) -> JobRecord | None:
    """What the fields of a record say; None where there is none, or one that no script of ours wrote."""
    try:
        return _read_record(job_id, fields, paused) if fields else None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None


def _read_record(job_id: str, fields: list[bytes], paused: set[bytes]) -> JobRecord:
    """From names and values in turn."""
    text = {
        name.decode(): value.decode(errors="replace") for name, value in zip(fields[::2], fields[1::2], strict=True)
    }
    state = State(text["state"])
    function = text.get("function", "")
    reason = WaitReason(text["reason"]) if "reason" in text and state in _WAITING else None
    if reason is None and state is State.QUEUED and text["queue"].encode() in paused:
        reason = WaitReason.PAUSED
    return JobRecord(
        id=job_id,
        state=state,
        reason=reason,
        queue=text["queue"],
        function=function,
        label=text.get("label", function),
        priority=int(text.get("priority", 0)),
        tags=tuple(json.loads(text["tags"])) if "tags" in text else (),
        group=text.get("group", ""),
        after=tuple(json.loads(text["after"])) if "after" in text else (),
        retry_of=text.get("retry_of", ""),
        retried_by=text.get("retried_by", ""),
        parent=text.get("parent", ""),
        needs=text.get("needs", ""),
        expires_s=int(text["expires"]) / 1000 if "expires" in text else None,
        submitted_at=moment(text.get("submitted")),
        due_at=moment(text.get("due", text.get("submitted"))),
        started_at=moment(text.get("started")),
        finished_at=moment(text.get("finished")),
        tries=int(text.get("tries", 0)),
        max_tries=int(text.get("max_tries", 1)),
        losses=int(text.get("losses", 0)),
        crashes=int(text.get("crashes", 0)),
        fence=int(text.get("fence", 0)),
        worker=text.get("engine", ""),
        error_type=text.get("error_type", ""),
        error=text.get("error", ""),
        failed_parent=text.get("failed_parent", ""),
        stopped_by=text.get("stopped_by", ""),
        cancel_requested="cancel" in text,
        progress=Progress.from_wire(json.loads(text["progress"])) if "progress" in text else Progress(),
    )


def _ms(at: datetime | None) -> int:
    return round(at.timestamp() * 1000) if at is not None else 0
