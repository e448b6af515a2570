"""What jobs wait for, by name: of each one job or group that has not ended, asked for all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any

from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.model.states import FINAL

#: jobs and groups that are looked at, of all that are waited for
MOST = 200
#: replies of each
_PARENT = 3
_FINAL = frozenset(state.value.encode() for state in FINAL)


async def names(client: Any, keys: Keys, after: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """As "job train" or "group double", by the id of the job that waits; those of which nothing is known are left out.

    Args: `after`: id of a job -> the jobs and groups it waits for, whether they have ended or not.
    """
    ids = list(dict.fromkeys(islice(chain.from_iterable(after.values()), MOST)))
    if not ids:
        return {}
    pipe = client.pipeline(transaction=False)
    for parent in ids:
        pipe.hmget(keys.record(parent), "state", "label", "function")
        pipe.hget(keys.group(parent), "left")
        pipe.lindex(keys.members(parent), 0)
    found = sound(await pipe.execute(raise_on_error=False))
    named, members = {}, {}
    for number, parent in enumerate(ids):
        about, left, first = found[_PARENT * number : _PARENT * (number + 1)]
        state, *called = about or (None,)
        if state and state not in _FINAL:
            named[parent] = f"job {_called(called) or parent}"
        elif left and left != b"0" and first:
            members[parent] = first.decode(errors="replace")
    named |= await _groups(client, keys, members)
    found_by = {
        job_id: next((named[each] for each in parents if each in named), "") for job_id, parents in after.items()
    }
    return {job_id: name for job_id, name in found_by.items() if name}


async def _groups(client: Any, keys: Keys, members: Mapping[str, str]) -> dict[str, str]:
    """The names of groups, which are those of their jobs."""
    if not members:
        return {}
    pipe = client.pipeline(transaction=False)
    for job_id in members.values():
        pipe.hmget(keys.record(job_id), "label", "function")
    found = sound(await pipe.execute(raise_on_error=False))
    return {
        group: f"group {_called(called or ()) or group}" for group, called in zip(members, found, strict=True)
    }  # fmt: skip


def _called(names: Sequence[bytes | None]) -> str:
    return next((name.decode(errors="replace") for name in names if name), "")
