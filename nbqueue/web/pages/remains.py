"""What the server keeps of a job besides its record: attempts, its result as text, and what it takes to retry it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from nbqueue.broker import codec, jobs
from nbqueue.broker.kept import submission_sizes
from nbqueue.client import attempts
from nbqueue.client.ends import fetch_ends
from nbqueue.client.link import Link
from nbqueue.display import wording
from nbqueue.errors import NbqueueError
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.web.plain_json import Converter, NoJson

#: bytes and parts of a result that is shown, and its lines and their characters
SMALL_BYTES, SMALL_PARTS = 65_536, 5_000
LINES, COLUMNS = 200, 300
#: characters of one that is written in one line
SHORT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is there."""

    #: those that have ended, in their order
    attempts: Sequence[AttemptRecord] = ()
    #: what it handed back, line by line, where that is plain data and small
    result: tuple[str, ...] = ()
    #: else why it is not shown, in a sentence; empty where there is none to show
    no_result: str = ""
    #: whether its function and arguments are kept, so that it can be retried
    is_kept: bool = True


async def read(link: Link, job_id: str) -> tuple[Remains, JobRecord]:
    """Ask for it, and for the record that it is of. Raises JobLost where the server knows no such job."""
    wire, record = link.wire, await link.record(job_id)
    tried = await attempts.attempts(link, job_id)
    [kept] = await wire.ask(lambda client: submission_sizes(client, wire.keys, [job_id]))
    lines, why = await _result(link, job_id, record.fence) if record.state is State.SUCCEEDED else ((), "")
    return Remains(attempts=tried, result=lines, no_result=why, is_kept=kept > 0), record


async def _result(link: Link, job_id: str, fence: int) -> tuple[tuple[str, ...], str]:
    """The lines of a result, or why there are none."""
    wire = link.wire
    [size] = await wire.ask(lambda client: jobs.result_sizes(client, wire.keys, [job_id]))
    if not size:
        return (), "It is kept no longer."
    if size > SMALL_BYTES:
        return (), f"It has {wording.size(size)}, too much to be shown here: fetch it in Python."
    [ended] = await fetch_ends(wire, [(job_id, fence)], 0.0)
    if not ended.succeeded:
        return (), str(ended.problem or "It is kept no longer.")
    return await asyncio.to_thread(shown, ended.payload)


def shown(payload: bytes) -> tuple[tuple[str, ...], str]:
    """The lines of a value, or why it is not shown. Nothing is unpickled but plain data."""
    try:
        value = Converter(parts=SMALL_PARTS, size_bytes=SMALL_BYTES).convert(codec.load_plain_value(payload))
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > SHORT:
            text = json.dumps(value, ensure_ascii=False, indent=2)
    except NbqueueError:
        return (), "It is no plain data, and is not loaded here: fetch it in Python."
    except NoJson as why:
        return (), f"It is not shown here: {why}. Fetch it in Python."
    return wording.lines(text, LINES, COLUMNS), ""
