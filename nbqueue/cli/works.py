"""What the ids on a command line stand for: a group's for all of its jobs, any other for the job it names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from nbqueue.broker import groups
from nbqueue.broker.history import Ask
from nbqueue.broker.keys import Keys
from nbqueue.model.names import check_job_id

#: jobs that are asked about in one round trip
CHUNK = 500
#: how the arguments of such a command are named in its help
METAVAR = "ID..."


async def members_by_id(ask: Ask, keys: Keys, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Each id, checked, with the jobs of the group it names; with none where it names no group."""
    wanted = list(dict.fromkeys(map(check_job_id, ids)))
    found: dict[str, Sequence[str]] = {}
    for part in in_chunks(wanted):
        found |= await _members(ask, keys, part)
    return found


async def jobs_of(ask: Ask, keys: Keys, ids: Sequence[str]) -> list[str]:
    """The jobs that are meant, each once, in the order in which they or their groups are named."""
    found = await members_by_id(ask, keys, ids)
    return list(dict.fromkeys(job_id for name, members in found.items() for job_id in (members or [name])))


def are_done(
    answers: Mapping[str, str], named: Collection[str], *, done: Collection[str], faults: Collection[str] = ("unknown",)
) -> bool:
    """Whether a command may end with 0: each job that was named by its own id was done.

    Of a group or a search those are left that it does not concern, as they run or have ended; only `faults` count.
    """
    return all(answer in done or (job_id not in named and answer not in faults) for job_id, answer in answers.items())


def in_chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Some at a time: a script holds up everybody else while it runs."""
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


async def _members(ask: Ask, keys: Keys, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    async def each(client: Any) -> list[list[str]]:
        return await groups.jobs_of_all(client, keys, names)

    return dict(zip(names, await ask(each), strict=True))
