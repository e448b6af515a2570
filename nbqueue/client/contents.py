"""What jobs were called with and what they handed back, as far as both are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import jobs
from nbqueue.client import arguments
from nbqueue.client.arguments import MOST_BYTES, Given
from nbqueue.client.ended import Ended, value_of
from nbqueue.client.ends import fetch_ends
from nbqueue.client.link import Link
from nbqueue.client.portions import Room, portions_within
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.model.job import JobRecord
from nbqueue.model.shown import plain
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True)
class Contents:
    """Both by the id of the job."""

    #: its arguments, or why they cannot be had
    given: Mapping[str, Given | str]
    #: the results that could be had
    results: Mapping[str, Any]
    #: why the result of one that succeeded cannot be had
    told: Mapping[str, str]


async def read(link: Link, records: Sequence[JobRecord]) -> Contents:
    """The arguments and results of jobs, as far as they are kept and there is room for them."""
    given: dict[str, Given | str] = {}
    results: dict[str, Any] = {}
    told: dict[str, str] = {}
    room = Room(MOST_BYTES)
    for start in range(0, len(records), CHUNK_JOBS):
        part = records[start : start + CHUNK_JOBS]
        given |= await arguments.read(link, part, room)
        await _take_results(link, [record for record in part if record.state is State.SUCCEEDED], room, results, told)
    return Contents(given, results, told)


async def _take_results(
    link: Link, records: Sequence[JobRecord], room: Room, results: dict[str, Any], told: dict[str, str]
) -> None:
    if not records:
        return
    wire = link.wire
    sizes = await wire.ask(lambda client: jobs.result_sizes(client, wire.keys, [each.id for each in records]))
    for part, extra_s in portions_within(room, records, sizes, told):
        ends = await fetch_ends(wire, [(record.id, record.fence) for record in part], extra_s)
        values, why = await asyncio.to_thread(_values, ends)
        results |= values
        told |= why


def _values(ends: Sequence[Ended]) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    told: dict[str, str] = {}
    for ended in ends:
        try:
            values[ended.job_id] = value_of(ended)
        except Exception as error:  # noqa: BLE001 - unpickling runs code of others; it is told of this job alone
            told[ended.job_id] = plain(f"{type(error).__name__}: {error}")
    return values, told
