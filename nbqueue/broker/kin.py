"""What is next to a job in the graph of jobs: those it came after, and those that come after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.model.names import check_job_id
from nbqueue.model.states import State, WaitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """A job or a group, and its neighbours."""

    id: str
    #: None: the server knows nothing of it
    state: State | None = None
    reason: WaitReason | None = None
    label: str = ""
    #: the group it is a member of
    group: str = ""
    #: of a group: how many jobs it has
    count: int = 1
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


async def kin(client: Any, keys: Keys, ids: Sequence[str], *, most: int) -> list[Kin]:
    """The neighbours of jobs and groups, at most so many children of each."""
    pipe = client.pipeline(transaction=False)
    for each in ids:
        pipe.hmget(keys.record(each), "state", "reason", "label", "function", "group", "after")
        pipe.srandmember(keys.heirs(each), most)
        pipe.hgetall(keys.group(each))
    found = sound(await pipe.execute(raise_on_error=False))
    return [_kin(each, *found[at : at + 3]) for each, at in zip(ids, range(0, len(found), 3), strict=True)]


def _kin(
    own_id: str, fields: list[bytes | None] | None, children: list[bytes] | None, group: Mapping[bytes, bytes] | None
) -> Kin:
    """What the server says; whatever no script of ours wrote is left out."""
    below = tuple(sorted(_ids([each.decode(errors="replace") for each in children or ()])))
    state, reason, label, function, member_of, after = (
        each.decode(errors="replace") if each else "" for each in fields or [None] * 6
    )
    if not state and group:
        count, its_state = _of_group({name.decode(): value for name, value in group.items()})
        return Kin(id=own_id, state=its_state, label=f"group of {count:,}", count=count, children=below)
    try:
        known = State(state) if state else None
        why = WaitReason(reason) if reason and known and not known.is_final else None
        above = _ids(json.loads(after)) if after else []
    except (ValueError, TypeError, RecursionError):
        return Kin(id=own_id, children=below)
    return Kin(
        id=own_id, state=known, reason=why, label=label or function, group=member_of, parents=tuple(above),
        children=below,
    )  # fmt: skip


def _of_group(fields: Mapping[str, bytes]) -> tuple[int, State | None]:
    """How many jobs a group has, and the state that says most of it: what still goes on, or else went wrong."""
    counts = {state: int(fields[state.value]) for state in State if fields.get(state.value, b"").isdigit()}
    there = [state for state in _TELLING if counts.get(state)]
    total = fields.get("total", b"")
    return int(total) if total.isdigit() else sum(counts.values()), there[0] if there else None


_TELLING = (
    State.RUNNING, State.QUEUED, State.SCHEDULED, State.FAILED, State.CRASHED, State.TIMED_OUT, State.EXPIRED,
    State.CANCELLED, State.SUCCEEDED,
)  # fmt: skip


def _ids(found: object) -> list[str]:
    """The names of jobs among what should be a list of them."""
    names = []
    for each in found if isinstance(found, list) else []:
        try:
            names.append(check_job_id(each))
        except ValueError:
            continue
    return names
