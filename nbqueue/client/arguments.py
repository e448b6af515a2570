"""What jobs were called with, as far as their submissions are kept; each is verified before it is unpickled."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbqueue.broker import codec, jobs, kept
from nbqueue.broker.envelope import open_sealed
from nbqueue.broker.inputs import Input, Inputs, given
from nbqueue.broker.signing import Keyring
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.portions import Room, portions
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import ConfigurationError
from nbqueue.model.job import JobRecord
from nbqueue.model.names import shown
from nbqueue.model.shown import plain

#: called with the arguments of a job; whether it is wanted
Predicate = Callable[..., object]

#: bytes that are read at most, all together, where all are kept
MOST_BYTES = 1_000_000_000
#: why there are none, of a job that succeeded or ended long ago, and of one for which there was no room
NOT_KEPT, NO_ROOM = "kept no longer", "not read, as others before it are too large"


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
    async for part, blobs in _blobs(link, records, room or Room(), found):
        found |= await asyncio.to_thread(_all, link.wire.keyring, link.wire.keys.namespace, part, blobs)
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
    async for part, blobs in _blobs(link, records, Room(), refused):
        about = link.wire.keyring, link.wire.keys.namespace, part, blobs
        # code of others, which may take long: in a thread of its own
        yes, no = await asyncio.to_thread(_fitting, asked, *about)
        fit |= yes
        refused |= no
    return [record for record in records if record.id in fit], len(refused)


async def _blobs(
    link: Link, records: Sequence[JobRecord], room: Room, refused: Known
) -> AsyncGenerator[tuple[list[JobRecord], list[bytes | None]]]:
    """Sealed submissions, some at a time; those that are not there or too large are told in `refused`."""
    wire = link.wire
    sizes = await wire.ask(lambda client: kept.submission_sizes(client, wire.keys, [each.id for each in records]))
    wanted = []
    for record, size in zip(records, sizes, strict=True):
        if size and room.takes(size):
            wanted.append((record, size))
        else:
            refused[record.id] = NO_ROOM if size else NOT_KEPT
    for part, extra_s in portions([record for record, _ in wanted], [size for _, size in wanted]):
        ids = [record.id for record in part]
        yield part, await wire.ask(lambda client: jobs.submissions(client, wire.keys, ids), extra_s=extra_s)  # noqa: B023


def _all(keyring: Keyring, namespace: str, records: Iterable[JobRecord], blobs: Iterable[bytes | None]) -> Known:
    return {
        record.id: _opened(keyring, namespace, record, blob) for record, blob in zip(records, blobs, strict=True)
    }  # fmt: skip


def _fitting(
    asked: Predicate, keyring: Keyring, namespace: str, records: Sequence[JobRecord], blobs: Sequence[bytes | None]
) -> tuple[set[str], Known]:
    """The ids of those that fit, and those whose arguments cannot be had; one is unpickled at a time."""
    fit: set[str] = set()
    refused: Known = {}
    for record, blob in zip(records, blobs, strict=True):
        found = _opened(keyring, namespace, record, blob)
        if isinstance(found, str):
            refused[record.id] = found
        elif _says_yes(asked, found, record):
            fit.add(record.id)
    return fit, refused


def _says_yes(asked: Predicate, found: Given, record: JobRecord) -> bool:
    try:
        return bool(asked(*found.args, **found.kwargs))
    except Exception as error:
        raise ConfigurationError(
            f"args= raised {plain(f'{type(error).__name__}: {error}')} for job {record.id} ({plain(record.function)}): "
            "it is called with the job's own arguments. Give function= too where jobs of others take other ones."
        ) from error


def _opened(keyring: Keyring, namespace: str, record: JobRecord, blob: bytes | None) -> Given | str:
    if blob is None:
        return NOT_KEPT
    try:
        sealed = open_sealed(
            keyring, blob, kind="job", namespace=namespace, job_id=record.id, function=record.function
        )  # fmt: skip
        codec.check_versions(sealed.header)
        taken = {str(each): Input(str(each).encode()) for each in sealed.header.get("inputs") or ()}
        with given(Inputs(taken, lambda job_id: Job[Any](bytes(job_id).decode()))):
            args, kwargs = codec.load_arguments(sealed.payload)
    except Exception as error:  # noqa: BLE001 - unpickling runs code of others; it is told of this job alone
        return plain(f"{type(error).__name__}: {error}")
    if (sealed.header.get("opt") or {}).get("batch", 1) > 1:
        args = tuple(list(column) for column in zip(*args[0], strict=True))
    return Given(args, kwargs)
