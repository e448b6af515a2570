"""Groups as the server knows them: their counts, and who belongs to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import bounds
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """How a group stands."""

    #: its jobs
    total: int
    #: those that have not ended
    left: int
    #: state -> number of its jobs in that state
    states: Mapping[State, int]


async def counts(client: Any, keys: Keys, group: str) -> GroupCounts | None:
    """The counts of a group, read with one question; None where the server knows none of that id."""
    return _read(await client.hgetall(keys.group(group)))


async def counts_of_all(client: Any, keys: Keys, names: Sequence[str]) -> list[GroupCounts | None]:
    """The same of several groups, in one round trip."""
    pipe = client.pipeline(transaction=False)
    for group in names:
        pipe.hgetall(keys.group(group))
    found = sound(await pipe.execute(raise_on_error=False)) if names else []
    return [_read(stored or {}) for stored in found]


async def ends_of_all(client: Any, keys: Keys, names: Sequence[str]) -> list[tuple[str, str]]:
    """The ids of the first and the last job of each of several groups; empty where there is none."""
    pipe = client.pipeline(transaction=False)
    for group in names:
        pipe.lindex(keys.members(group), 0)
        pipe.lindex(keys.members(group), -1)
    found = sound(await pipe.execute(raise_on_error=False)) if names else []
    ids = [(item or b"").decode(errors="replace") for item in found]
    return list(zip(ids[::2], ids[1::2], strict=True))


def _read(stored: Mapping[bytes, bytes]) -> GroupCounts | None:
    found = {name.decode(errors="replace"): int(value) for name, value in stored.items() if value.isdigit()}
    if "total" not in found:
        return None
    states = {state: found[state.value] for state in State if found.get(state.value, 0) > 0}
    return GroupCounts(total=found["total"], left=found.get("left", 0), states=states)


async def members(client: Any, keys: Keys, group: str) -> list[str]:
    """The ids of a group's jobs, in order."""
    return [item.decode(errors="replace") for item in await client.lrange(keys.members(group), 0, -1)]


async def join(client: Any, keys: Keys, group: str, jobs: Sequence[tuple[str, str]], delay_s: float) -> None:
    """Note the jobs of a group in which jobs of others may stand for some; one that is noted already keeps its place.

    Args:
        client: speaks to the server.
        keys: the names of its keys.
        group: the group's id.
        jobs: the id that was submitted, and that of the job which stands in its place, of each.
        delay_s: how long they wait at least.
    """
    key = keys.joined(group)
    begin = await client.zcard(key)
    places = {f"{submitted} {stands}": begin + number for number, (submitted, stands) in enumerate(jobs)}
    pipe = client.pipeline(transaction=True)
    pipe.zadd(key, places, nx=True)
    pipe.pexpire(key, bounds.RECORD_MS + round(delay_s * 1000))
    await pipe.execute()


async def joined(client: Any, keys: Keys, group: str) -> list[str]:
    """The ids of the jobs that `join` has noted, in order; one that stands for several is there for each.

    Of an id that was submitted again, and that another job stands for by then, the later one counts.
    """
    return _stand_ins(await client.zrange(keys.joined(group), 0, -1))


def _stand_ins(noted: Sequence[bytes] | None) -> list[str]:
    return list(dict(item.decode(errors="replace").split(" ", 1) for item in noted or ()).values())


async def jobs_of_all(client: Any, keys: Keys, names: Sequence[str]) -> list[list[str]]:
    """The ids of the jobs that each of several groups stands for, each once: its own, or those it has joined."""
    found = await members_of_all(client, keys, names)
    pipe, bare = client.pipeline(transaction=False), [place for place, ids in enumerate(found) if not ids]
    for place in bare:
        pipe.zrange(keys.joined(names[place]), 0, -1)
    noted = sound(await pipe.execute(raise_on_error=False)) if bare else []
    for place, items in zip(bare, noted, strict=True):
        found[place] = list(dict.fromkeys(_stand_ins(items)))
    return found


async def members_of_all(client: Any, keys: Keys, names: Sequence[str], *, newest: int = 0) -> list[list[str]]:
    """The same of several names, or of each the newest so many; of one that names no group there are none."""
    pipe = client.pipeline(transaction=False)
    for group in names:
        pipe.lrange(keys.members(group), -newest, -1)
    found = sound(await pipe.execute(raise_on_error=False)) if names else []
    return [[item.decode(errors="replace") for item in part or ()] for part in found]


async def left_of_all(client: Any, keys: Keys, names: Sequence[str]) -> list[int | None]:
    """How many jobs of each group have not ended, as it counts them; None where nothing is counted."""
    pipe = client.pipeline(transaction=False)
    for group in names:
        pipe.hget(keys.group(group), "left")
    found = sound(await pipe.execute(raise_on_error=False)) if names else []
    return [int(count) if count is not None and count.isdigit() else None for count in found]
