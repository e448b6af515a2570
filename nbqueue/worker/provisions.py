"""What an attempt needs beside its call, read before it begins: checkpoint, length of its log, results of others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

from nbqueue.broker import claims, codec, handshake, jobs, reported, scripts
from nbqueue.broker.claims import Finish
from nbqueue.broker.envelope import Sealed, open_sealed
from nbqueue.broker.inputs import Input, Problem
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.broker.pieces import is_cut
from nbqueue.errors import NbqueueError, NotSendable, ParentFailed, PayloadTooLarge, ResultExpired, TamperedPayload
from nbqueue.model import names
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.worker import checkpoints
from nbqueue.worker.attempt import Attempt, Here
from nbqueue.worker.recording import barred

logger = logging.getLogger("nbqueue.worker")

#: results that are read and verified in one go
BATCH = 100
#: what one job may take in all: frames to children have a limit, and so has memory
ALL_BYTES = 2 * 2**30
#: seconds after which a job is offered again that came before the jobs whose results it takes had ended
NOT_YET_S = 0.5
#: how a job ended, to stand after "which"
_ENDS = {
    State.FAILED: "failed", State.CANCELLED: "was cancelled", State.TIMED_OUT: "ran into its time limit",
    State.CRASHED: "crashed", State.EXPIRED: "was not started in time",
}  # fmt: skip
#: what their handles raise
_ERRORS = {
    State.CANCELLED: "JobCancelled", State.TIMED_OUT: "JobTimeout", State.CRASHED: "JobCrashed",
    State.EXPIRED: "JobExpired",
}  # fmt: skip


class _NotYet(Exception):
    """A job whose result is needed has not ended."""


def needs(attempt: Attempt) -> bool:
    """Whether there is anything to read before it can begin."""
    header = attempt.header
    return attempt.claim.fence > 1 or "inputs" in header or "retry_of" in header or is_cut(attempt.payload)


async def provide(client: Any, here: Here, attempt: Attempt) -> Finish | None:
    """Read what an attempt needs; the end of its claim where it cannot begin.

    Raises TamperedPayload where that is signed with a key of the others that is lacking here.
    """
    claim = attempt.claim
    try:
        if is_cut(attempt.payload):
            attempt.payload = await here.shelf.whole(client, attempt.payload, claim.job_id)
        if "inputs" in attempt.header:
            attempt.inputs = await _inputs(client, here, attempt)
    except _NotYet:
        return Finish(job_id=claim.job_id, fence=claim.fence, state=State.SCHEDULED, delay_s=NOT_YET_S)
    except scripts.TROUBLE as error:
        logger.warning("Job %s goes back, what it takes cannot be read: %s", claim.job_id, error)
        return Finish(job_id=claim.job_id, fence=claim.fence, state=State.QUEUED)
    except NbqueueError as error:
        if await _lacks_key(client, here, error):
            raise
        return barred(attempt, error, here)
    attempt.checkpoint = await _checkpoint(client, here, attempt)
    attempt.logged_bytes = await _logged_bytes(client, here, attempt)
    return None


async def _checkpoint(client: Any, here: Here, attempt: Attempt) -> bytes | None:
    """What an earlier attempt left, or the job that this one retries, or the one that that one retried."""
    try:
        for job_id in _before(attempt):
            found = await claims.checkpoint(client, here.keys, job_id)
            if found is not None:
                return checkpoints.opened(here.keyring, here.keys, job_id, found)
    except (*scripts.TROUBLE, TamperedPayload) as error:
        if await _lacks_key(client, here, error):
            raise
        logger.warning("Job %s starts without its checkpoint: %s", attempt.claim.job_id, error)
    return None


async def _lacks_key(client: Any, here: Here, error: Exception) -> bool:
    """Whether another worker could read what was refused here, as far as the server can be asked."""
    try:
        return bool(await handshake.lacked_key(client, here.keys, here.keyring, error))
    except scripts.TROUBLE:
        return True


async def _logged_bytes(client: Any, here: Here, attempt: Attempt) -> int | None:
    """How many bytes of log earlier attempts left; None where that cannot be read."""
    if attempt.claim.fence == 1:
        return 0
    try:
        [found] = await reported.log_bytes(client, here.keys, [attempt.claim.job_id])
    except scripts.TROUBLE as error:
        logger.debug("How long the log of job %s is cannot be read: %s", attempt.claim.job_id, error)
        return None
    return found


def _before(attempt: Attempt) -> Iterator[str]:
    """The ids under which a checkpoint may be kept, the newest first."""
    if attempt.claim.fence > 1:
        yield attempt.claim.job_id
    if retried := attempt.header.get("retry_of"):
        yield str(retried)
        yield from map(str, attempt.header.get("earlier") or ())


async def _inputs(client: Any, here: Here, attempt: Attempt) -> Mapping[str, Input]:
    """The results it takes, verified. Raises an NbqueueError that names the one that cannot be had."""
    found: dict[str, Input] = {}
    taken = _ids(attempt)
    async for batch in _batches(client, here, list(taken.values())):
        blobs = await jobs.results(client, here.keys, batch)
        pairs = [(job_id, blob) for job_id, blob in zip(batch, blobs, strict=True) if blob is not None]
        if sum(len(blob) for _, blob in pairs) > LARGE_BYTES:
            opened = await asyncio.to_thread(_opened, here, pairs)
        else:
            opened = _opened(here, pairs)
        found.update({job_id: _value(opened[job_id]) for job_id in opened if _succeeded(opened[job_id])})
        short = [job_id for job_id in batch if job_id not in found]
        if short:
            found.update(await _problems(client, here, attempt, short, opened))
    return {name: found[job_id] for name, job_id in taken.items()}


def _ids(attempt: Attempt) -> dict[str, str]:
    """The jobs whose results are taken, by the ids that the call knows them by.

    They differ where a job was retried since. A key holder of another version may have written the header.
    """
    found, instead = attempt.header["inputs"], attempt.header.get("instead") or {}
    if not isinstance(found, list) or not isinstance(instead, dict) or attempt.claim.job_id in found:
        raise TamperedPayload(f"Job {attempt.claim.job_id!a} does not say which results it takes.", reason="bad shape")
    if attempt.header["codec"] != "pickle":
        raise NotSendable(f"Job {attempt.claim.job_id!a} is encoded as JSON, and cannot take the results of others.")
    return {name: names.check_job_id(instead.get(name, name)) for name in map(names.check_job_id, found)}


async def _batches(client: Any, here: Here, job_ids: Sequence[str]) -> AsyncGenerator[list[str], None]:
    """The ids, so that what is read in one go is small, or one large result."""
    batch: list[str] = []
    size = total = 0
    for job_id, length in zip(job_ids, await jobs.result_sizes(client, here.keys, job_ids), strict=True):
        total += length
        if total > ALL_BYTES:
            raise PayloadTooLarge(
                f"The results that it takes have over {total:,} bytes together, and {ALL_BYTES:,} are allowed: "
                "write large ones to files, and pass their paths.",
                size_bytes=total, limit_bytes=ALL_BYTES,
            )  # fmt: skip
        if batch and (len(batch) == BATCH or size + length > LARGE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(job_id)
        size += length
    if batch:
        yield batch


def _opened(here: Here, pairs: Sequence[tuple[str, bytes]]) -> dict[str, Sealed]:
    """The results that a key holder wrote for exactly these jobs of this namespace. Nothing is unpickled."""
    return {
        job_id: open_sealed(here.keyring, blob, kind="result", namespace=here.keys.namespace, job_id=job_id)
        for job_id, blob in pairs
    }


def _succeeded(sealed: Sealed) -> bool:
    return sealed.header.get("state") == State.SUCCEEDED.value


def _value(sealed: Sealed) -> Input:
    codec.check_versions(sealed.header)
    return Input(sealed.payload, "json" if sealed.header.get("codec") == "json" else "pickle")


async def _problems(
    client: Any, here: Here, attempt: Attempt, job_ids: Sequence[str], opened: Mapping[str, Sealed]
) -> dict[str, Input]:
    """What stands for results that are not there, where the job runs all the same; raises where it does not."""
    records = await jobs.records(client, here.keys, job_ids)
    if any(record is not None and not record.state.is_final for record in records):
        raise _NotYet
    runs = dict(attempt.header.get("opt") or {}).get("on_parent_failure") == "run"
    found: dict[str, Input] = {}
    for job_id, record in zip(job_ids, records, strict=True):
        sealed = opened.get(job_id)
        problem = _problem(sealed, record)
        if not runs:
            raise _error(job_id, record, problem)
        found[job_id] = Input(problem=problem)
    return found


def _problem(sealed: Sealed | None, record: JobRecord | None) -> Problem:
    """Why there is no value: by the sealed result, which is signed, or by what the server still knows."""
    if sealed is not None:
        state = State(sealed.header["state"])
        about = dict(sealed.header.get("error") or {})
        kind, message = str(about.get("type", "")), str(about.get("message", ""))
        return Problem(_ERRORS.get(state) or kind, message or _ENDS[state], str(about.get("traceback", "")))
    if record is None:
        return Problem("JobLost", "the server no longer knows it")
    if record.state is State.SUCCEEDED:
        return Problem("ResultExpired", "its result is kept no longer")
    return Problem(_ERRORS.get(record.state) or record.error_type, record.error or _ENDS[record.state])


def _error(job_id: str, record: JobRecord | None, problem: Problem) -> NbqueueError:
    """The error of a job that cannot run without the result."""
    name = f"{job_id} ({record.label})" if record is not None and record.label else job_id
    if problem.error_type == "ResultExpired":
        return ResultExpired(
            f"It takes the result of job {name}, which succeeded, and its result is kept no longer: submit that one "
            "again, or ask for more with keep_result=.",
            job_id=job_id,
        )
    if record is None or record.state is State.SUCCEEDED:
        how = "which the server no longer knows"
    else:
        how = f"which {_ENDS[record.state]}"
        how += f": {problem.error_type}: {problem.message}" if record.state is State.FAILED else ""
    text = f"It takes the result of job {name}, {how.rstrip('.')}."
    return ParentFailed(text, parent_id=job_id, remote_traceback=problem.traceback)
