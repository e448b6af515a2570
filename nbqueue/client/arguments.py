"""What jobs were called with, as far as their submissions are kept; each is verified before it is unpickled."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.inputs import Input, Inputs, given
from nbqueue.client import calls
from nbqueue.client.calls import KeptCall
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.portions import Room
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import ConfigurationError
from nbqueue.model.job import JobRecord
from nbqueue.model.names import shown
from nbqueue.model.shown import plain

#: called with the arguments of a job; whether it is wanted
Predicate = Callable[..., object]

#: bytes that are read at most, all together, where all are kept
MOST_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """What a job was called with. Handles stand where it takes the results of other jobs."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


#: by the id of the job; where they cannot be had, why
Known = dict[str, Given | str]


def predicate(found: object) -> Predicate | None:
    """What is asked of arguments, checked."""
    if found is None:
        return None
    if not callable(found) or inspect.iscoroutinefunction(found):
        raise ConfigurationError(
            f"args={shown(found)} cannot be used: give a function that takes the arguments of a job and says whether "
            "it is wanted, as in args=lambda size: size > 100."
        )
    return found


async def read(link: Link, records: Sequence[JobRecord], room: Room | None = None) -> Known:
    """The arguments of jobs, as far as there is room."""
    found: Known = {}
    async for part in calls.read(link, records, room or Room(), found):
        found |= await asyncio.to_thread(_all, part)
    return found


async def of_jobs(link: Link, job_ids: Sequence[str]) -> Known:
    """The same by ids, of those that the server knows, up to `MOST_BYTES`."""
    found: Known = {}
    room = Room(MOST_BYTES)
    for start in range(0, len(job_ids), CHUNK_JOBS):
        records = await link.records(job_ids[start : start + CHUNK_JOBS])
        found |= await read(link, [record for record in records if record is not None], room)
    return found


async def fitting(link: Link, records: Sequence[JobRecord], asked: Predicate) -> tuple[list[JobRecord], int]:
    """The jobs that a predicate is true of, and of how many the arguments cannot be had."""
    refused: Known = {}
    fit: set[str] = set()
    async for part in calls.read(link, records, Room(), refused):
        # code of others, which may take long: in a thread of its own
        yes, no = await asyncio.to_thread(_fitting, asked, part)
        fit |= yes
        refused |= no
    return [record for record in records if record.id in fit], len(refused)


def _all(found: Sequence[KeptCall]) -> Known:
    return {call.record.id: _given(call) for call in found}


def _fitting(asked: Predicate, found: Sequence[KeptCall]) -> tuple[set[str], Known]:
    """The ids of those that fit, and those whose arguments cannot be had; one is unpickled at a time."""
    fit: set[str] = set()
    refused: Known = {}
    for call in found:
        arguments = _given(call)
        if isinstance(arguments, str):
            refused[call.record.id] = arguments
        elif _says_yes(asked, arguments, call.record):
            fit.add(call.record.id)
    return fit, refused


def _says_yes(asked: Predicate, found: Given, record: JobRecord) -> bool:
    try:
        return bool(asked(*found.args, **found.kwargs))
    except Exception as error:
        raise ConfigurationError(
            f"args= raised {plain(f'{type(error).__name__}: {error}')} for job {record.id} ({plain(record.function)}): "
            "it is called with the job's own arguments. Give function= too where jobs of others take other ones."
        ) from error


def _given(call: KeptCall) -> Given | str:
    try:
        codec.check_versions(call.header)
        taken = {str(each): Input(str(each).encode()) for each in call.header.get("inputs") or ()}
        with given(Inputs(taken, lambda job_id: Job[Any](bytes(job_id).decode()))):
            args, kwargs = codec.load_arguments(call.payload)
    except Exception as error:  # noqa: BLE001 - unpickling runs code of others; it is told of this job alone
        return plain(f"{type(error).__name__}: {error}")
    if (call.header.get("opt") or {}).get("batch", 1) > 1:
        args = tuple(list(column) for column in zip(*args[0], strict=True))
    return Given(args, kwargs)
