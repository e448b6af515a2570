"""What a client does with schedules: keep one, change its times, trigger it, look it up."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbqueue.broker import schedules
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.broker.scheduled_calls import ScheduledCall, tag
from nbqueue.broker.schedules import Stored
from nbqueue.client.draft import Draft
from nbqueue.client.link import Link
from nbqueue.client.wire import BYTES_A_SECOND
from nbqueue.errors import ConfigurationError, UnknownSchedule
from nbqueue.model import kept_options, times
from nbqueue.model.names import check_schedule
from nbqueue.model.times import Times

#: replaced at the very moment it was read, it is read again so often
TRIES = 5

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 50


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """A schedule as it will be sent, not yet signed."""

    name: str
    times: Times
    job: Draft


def draft_schedule(given_times: object, job: Draft) -> ScheduleDraft:
    """The schedule of one call; what cannot be meant raises here, in the caller's own thread."""
    when = times.times_of(given_times)
    name = when.name or _name_of(job.order.function)
    options = job.order.options
    kept_options.to_plain(options)
    if job.parents:
        raise ConfigurationError("A schedule cannot wait for other jobs: give it values, not what stands for a result.")
    order = replace(job.order, options=replace(options, tags=(*options.tags, tag(name))))
    return ScheduleDraft(name, when, replace(job, order=order))


async def keep(link: Link, draft: ScheduleDraft) -> bool:
    """Keep a schedule; whether there was one of that name."""
    await link.agree()
    order = draft.job.order
    call = ScheduledCall(
        name=draft.name, function=order.function, times=draft.times, options=order.options,
        header=order.header(link.wire.keys.namespace), payload=draft.job.payload,
    )  # fmt: skip
    return await _put(link, call)


async def change(link: Link, name: str, given_times: object, given: Mapping[str, Any]) -> None:
    """Give a schedule other times; what it calls stays."""
    call = await _opened(link, name)
    when = call.times if given_times is None else times.times_of(given_times, call.times)
    when = replace(times.changed(when, dict(given)), name=name)
    await _put(link, replace(call, times=when))


async def trigger(link: Link, name: str) -> str:
    """Submit a job of a schedule now, whatever its times say; the job's id."""
    wire = link.wire
    await link.wake()
    call = await _opened(link, name)
    job_id = f"{name}+{secrets.token_hex(5)}"
    link.follow.expect(job_id)
    try:
        await wire.ask(
            lambda client: call.submit(client, wire.keys, wire.keyring, [job_id]),
            extra_s=len(call.payload) / BYTES_A_SECOND,
        )
    except BaseException:
        link.follow.forget(job_id)
        raise
    await wire.run(schedules.amend(wire.keys, name, "trigger", job_id=job_id))
    return job_id


async def pause(link: Link, name: str) -> None:
    """Let no more runs come."""
    if not await link.wire.run(schedules.amend(link.wire.keys, name, "pause")):
        raise _unknown(name)


async def resume(link: Link, name: str) -> None:
    """Let runs come again, from now on."""
    found = await look_up(link, name)
    now = await link.wire.ask(schedules.now)
    next_at = found.record.times.next_after(now, found.anchor) if found.record.times else None
    if not await link.wire.run(schedules.amend(link.wire.keys, name, "resume", next_at=next_at)):
        raise _unknown(name)


async def delete(link: Link, name: str) -> None:
    """Remove it; its jobs stay."""
    if not await link.wire.run(schedules.drop(link.wire.keys, name)):
        raise _unknown(name)


async def look_up(link: Link, name: str) -> Stored:
    """What is known of a schedule now. Raises UnknownSchedule where nothing is."""
    wire = link.wire
    [found] = await wire.ask(lambda client: schedules.stored(client, wire.keys, [name]))
    if found is None:
        raise _unknown(name)
    return found


async def look_up_all(link: Link) -> list[Stored]:
    """What is known of all schedules now, by name."""
    found = await link.wire.ask(lambda client: schedules.stored(client, link.wire.keys))
    return [each for each in found if each is not None]


async def _put(link: Link, call: ScheduledCall) -> bool:
    wire, revision = link.wire, secrets.token_hex(8)
    await _check_comes(link, call)
    if len(call.payload) > LARGE_BYTES:
        sealed = await asyncio.to_thread(call.sealed, wire.keyring, wire.keys)
    else:
        sealed = call.sealed(wire.keyring, wire.keys)
    await wire.ask(
        lambda client: schedules.send_call(client, wire.keys, call.name, revision, sealed),
        extra_s=len(sealed) / BYTES_A_SECOND,
    )
    since = await wire.ask(schedules.now)
    return await wire.run(
        schedules.keep(
            wire.keys, name=call.name, revision=revision, function=call.function, queue=call.options.queue,
            times=call.times, since=since, next_at=call.times.next_after(since, since),
        )
    )  # fmt: skip


async def _check_comes(link: Link, call: ScheduledCall) -> None:
    """Refuse a schedule that can never run, by the server's clock; one that has ended may be given again as it was."""
    now = await link.wire.ask(schedules.now, wakes=True)
    if call.times.next_after(now, now) is not None:
        return
    [found] = await link.wire.ask(lambda client: schedules.stored(client, link.wire.keys, [call.name]))
    if found is not None and found.record.times and found.record.times.to_wire() == call.times.to_wire():
        return
    end = call.times.end
    why = f"no time of {call.times.words} comes" + ("" if end is None else f" before end={end.isoformat()}")
    if end is not None and end < now:
        why = f"end={end.isoformat()} has passed"
    raise ConfigurationError(f'Schedule "{call.name}" would never run: {why}. Give times that come.')


async def _opened(link: Link, name: str) -> ScheduledCall:
    """What a schedule calls, verified."""
    wire = link.wire
    for _ in range(TRIES):
        found = await look_up(link, name)
        revision = found.revision
        blob = await wire.ask(lambda client: schedules.call(client, wire.keys, name, revision))  # noqa: B023
        if blob is not None:
            return ScheduledCall.opened(wire.keyring, wire.keys, name, found.record.function, blob)
    raise UnknownSchedule(f'What schedule "{name}" calls is not in the server any more: schedule it again.')


def _name_of(function: str) -> str:
    """The name of a schedule that was given none: its function's."""
    name = _NO_NAME.sub(".", function.replace("<locals>.", "")).strip("._-")[:_LONGEST]
    if not name or "<lambda>" in function:
        raise ConfigurationError(
            f"A schedule is named after its function, and {function} is no name: give one, for example "
            'Every(60, name="refresh").'
        )
    return check_schedule(name)


def _unknown(name: str) -> UnknownSchedule:
    return UnknownSchedule(
        f'The server knows no schedule "{name}": `await schedules.all()` lists those that are there.'
    )
