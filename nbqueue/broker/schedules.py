"""Schedules in the server: keep, take for a turn, advance, pause, delete, look up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.broker.scripts import Call, script
from nbqueue.errors import NbqueueError
from nbqueue.model.job import moment
from nbqueue.model.schedule import ScheduleRecord, ScheduleState, Standing, Turn
from nbqueue.model.states import FINAL, State
from nbqueue.model.times import Times, from_wire

#: how long a worker may take for a turn at a schedule before another one takes it
TURN_S = 2.0
#: a turn at a schedule with a large call is longer by a second for so many bytes
BYTES_A_SECOND = 1_000_000
#: how long a sealed call is kept that nobody puts into place
SENT_AHEAD_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What `take` gave: the server's time, and the schedule whose turn it is, if one is due."""

    now: datetime
    #: when the next schedule is due, where none was taken
    due: datetime | None = None
    #: empty: none is due
    name: str = ""
    turn: int = 0
    revision: str = ""
    function: str = ""
    #: None: it cannot be read
    standing: Standing | None = None
    #: id of the last job, and whether it has not ended
    last: str = ""
    lives: bool = False


async def send_call(client: Any, keys: Keys, name: str, revision: str, sealed: bytes) -> None:
    """Send a schedule's call ahead of it; a large one is not handed to a script."""
    await client.set(keys.call(name, revision), sealed, px=SENT_AHEAD_MS)


async def hold(client: Any, keys: Keys, taken: Taken) -> None:
    """Ask for a longer turn where the call is large, so that it is not taken away while that is on its way."""
    size: int = await client.strlen(keys.call(taken.name, taken.revision))
    if size > LARGE_BYTES:
        until = _ms(taken.now) + round(1000 * (TURN_S + size / BYTES_A_SECOND))
        await client.zadd(keys.schedules, {taken.name: until}, xx=True)


async def call(client: Any, keys: Keys, name: str, revision: str) -> bytes | None:
    """The sealed call of a schedule, or None where it was replaced or deleted."""
    found: bytes | None = await client.get(keys.call(name, revision))
    return found


async def now(client: Any) -> datetime:
    """The server's time, in whole milliseconds."""
    whole, micro = await client.time()
    return _moment(int(whole) * 1000 + int(micro) // 1000)


def keep(
    keys: Keys, *, name: str, revision: str, function: str, queue: str, times: Times, since: datetime,
    next_at: datetime | None,
) -> Call[bool]:  # fmt: skip
    """Keep a schedule whose call was sent ahead; whether there was one of that name."""
    return Call(
        script("schedule"),
        (keys.schedule(name), keys.schedules, keys.schedule_names, keys.call(name, revision)),
        (keys.prefix, name, revision, function, queue, json.dumps(times.to_wire()), _ms(since), _ms(next_at)),
        bool,
    )


def take(keys: Keys, *, hold_s: float = TURN_S) -> Call[Taken]:
    """Take the schedule that is due first, if one is."""
    return Call(script("take"), (keys.schedules,), (keys.prefix, round(hold_s * 1000)), _taken)


def advance(
    keys: Keys, taken: Taken, done: Turn, *, look_at: datetime | None, last: str = "", refused: str = ""
) -> Call[bool]:
    """End a turn; whether it was still ours.

    Args:
        keys: of its namespace.
        taken: the turn.
        done: what was done; its cancel is not looked at.
        look_at: when the next turn is; None: never.
        last: the id of the last job that was submitted.
        refused: why no more turns will be, in a sentence.
    """
    waiting = [_ms(at) for at in done.waiting]
    last_at = _ms(done.fire[-1]) if done.fire else 0
    return Call(
        script("advance"),
        (keys.schedule(taken.name), keys.schedules),
        (
            taken.name, taken.turn, _ms(done.next_at), _ms(look_at), json.dumps(waiting), len(done.fire), done.skipped,
            last, last_at, refused.encode(errors="replace"),
        ),
        bool,
    )  # fmt: skip


def excuse(keys: Keys, taken: Taken, why: str) -> Call[bool]:
    """Note why a turn came to nothing, which is taken again; whether it was still ours."""
    return Call(script("excuse"), (keys.schedule(taken.name),), (taken.turn, why.encode(errors="replace")), bool)


def amend(
    keys: Keys, name: str, what: Literal["pause", "resume", "trigger"], *, next_at: datetime | None = None,
    job_id: str = "",
) -> Call[bool]:  # fmt: skip
    """Pause or resume a schedule, or note a job that was triggered; whether there is such a schedule."""
    return Call(
        script("amend"), (keys.schedule(name), keys.schedules), (name, what, _ms(next_at), job_id), bool
    )  # fmt: skip


def drop(keys: Keys, name: str) -> Call[bool]:
    """Delete a schedule; whether there was one."""
    return Call(
        script("drop"), (keys.schedule(name), keys.schedules, keys.schedule_names), (keys.prefix, name), bool
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """A schedule as the server has it."""

    record: ScheduleRecord
    #: names its sealed call
    revision: str
    #: from when intervals are counted
    anchor: datetime


async def stored(client: Any, keys: Keys, names: Sequence[str] | None = None) -> list[Stored | None]:
    """What is known of schedules now, in the order of the names (all, by name); None where nothing is."""
    if names is None:
        names = sorted(item.decode(errors="replace") for item in await client.smembers(keys.schedule_names))
    if not names:
        return []
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.hgetall(keys.schedule(name))
    found = sound(await pipe.execute(raise_on_error=False))
    return [_stored(name, fields) for name, fields in zip(names, found, strict=True)]


def _taken(reply: Any) -> Taken:
    at = _moment(reply[0])
    if len(reply) == 2:  # noqa: PLR2004 - the time and when to ask again
        return Taken(now=at, due=_moment(reply[1]) if reply[1] else None)
    name, turn, fields, state = reply[2:]
    revision, function, *rest, last = ((field or b"").decode(errors="replace") for field in fields)
    return Taken(
        now=at, name=name.decode(), turn=turn, revision=revision, function=function, standing=_standing(*rest),
        last=last, lives=_lives(state.decode(errors="replace")),
    )  # fmt: skip


def _standing(since: str, next_at: str, runs: str, waiting: str) -> Standing | None:
    """What decides about a turn; None where no script of ours wrote it."""
    try:
        return Standing(
            due=moment(int(next_at)), anchor=_moment(int(since)), runs=int(runs),
            waiting=tuple(_moment(ms) for ms in json.loads(waiting)),
        )  # fmt: skip
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _lives(state: str) -> bool:
    try:
        return State(state) not in FINAL
    except ValueError:
        return False


def _stored(name: str, fields: Mapping[bytes, bytes] | None) -> Stored | None:
    """What the fields say; None where there are none, or some that no script of ours wrote."""
    try:
        return _read(name, {key.decode(): value.decode() for key, value in fields.items()}) if fields else None
    except (NbqueueError, ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _read(name: str, text: Mapping[str, str]) -> Stored:
    state = ScheduleState(text["state"])
    if "paused" in text and state is ScheduleState.ACTIVE:
        state = ScheduleState.PAUSED
    record = ScheduleRecord(
        name=name, state=state, function=text["function"], queue=text["queue"],
        times=from_wire(json.loads(text["times"]), name),
        next_at=moment(int(text["next"])) if state is ScheduleState.ACTIVE else None,
        last_at=moment(text.get("last_at")), last_job=text.get("last", ""), runs=int(text.get("runs", 0)),
        skipped=int(text.get("skipped", 0)), waiting=len(json.loads(text.get("waiting", "[]"))),
        since=moment(text["since"]), error=text.get("error", ""),
    )  # fmt: skip
    return Stored(record, text["revision"], _moment(text["since"]))


def _moment(ms: float | str) -> datetime:
    return datetime.fromtimestamp(float(ms) / 1000, tz=UTC)


def _ms(at: datetime | None) -> int:
    return 0 if at is None else round(at.timestamp() * 1000)
