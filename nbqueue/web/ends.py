"""The end of a job as a caller over HTTP gets it: its result where that is plain data, or what went wrong."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nbqueue.broker import codec
from nbqueue.broker.jobs import result_sizes
from nbqueue.client.ended import Ended, fault_of
from nbqueue.client.ends import fetch_ends
from nbqueue.client.link import unknown
from nbqueue.client.session import session
from nbqueue.client.wire import BYTES_A_SECOND
from nbqueue.errors import ConfigurationError, JobFailed, NbqueueError
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.web.asking import ask
from nbqueue.web.finals import final_of
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.plain_json import Converter, NoJson, TooLarge
from nbqueue.web.problems import Problem
from nbqueue.web.records import STATE, TEXT, Part, Shape
from nbqueue.web.turns import Turns

#: callers that may wait at once, and for how long
MOST_WAITING, LONGEST_WAIT_S = 256, 300.0
#: how often a caller that waits is looked after
_LOOK_S = 1.0

#: parts and bytes of a result that is answered; a larger one is fetched in Python
MOST_PARTS, LARGEST_RESULT_BYTES = 1_000_000, 16_777_216
#: what is written at once
_SMALL_PARTS, _SMALL_BYTES = 5_000, 65_536

#: what a sealed result has besides, at most: a traceback is the most of it
_ENVELOPE_BYTES = 1_048_576
#: large results that are in memory at once
_MOST_LOADED = 2

_TOO_LARGE = (
    f"is too large for an answer in JSON, which takes {MOST_PARTS:,} parts and {LARGEST_RESULT_BYTES:,} bytes",
    "less",
)

#: said where there is a result, and nothing to read it with
NO_KEY = (
    "This server has no key to read results with: put the signing key of the workers there (`nbqueue signing-key "
    "import`), or ask a server that has it."
)

#: writes large answers, one at a time
_large = ThreadPoolExecutor(1, "nbqueue-answers")
_loading = asyncio.Semaphore(_MOST_LOADED)
_waiting = Turns(MOST_WAITING, "callers wait for jobs")

END: Shape[dict[str, Any]] = Shape("End", (
    Part("id", TEXT, "names the job", lambda end: end["id"]),
    Part("state", STATE, "where it stands", lambda end: end["state"]),
    Part("ended", {"type": "boolean"}, "whether it has ended; if not, ask again", lambda end: end["ended"]),
    Part("result", {}, "what it handed back, where that is plain data", lambda end: end.get("result")),
    Part("has_result", {"type": "boolean"}, "whether `result` is what it handed back (which may be null)",
         lambda end: end.get("has_result", False)),
    Part("error_type", TEXT, "the class of what went wrong", lambda end: end.get("error_type", "")),
    Part("error", TEXT, "what went wrong, or why there is no result here", lambda end: end.get("error", "")),
    Part("traceback", TEXT, "where it went wrong on the worker", lambda end: end.get("traceback", "")),
))  # fmt: skip


def turn(timeout_s: float) -> AbstractContextManager[None]:
    """A place among those who wait, to be taken before anything is submitted; who does not wait needs none."""
    return _waiting if timeout_s > 0 else nullcontext()


async def waited(job_id: str, timeout_s: float, request: Request, *, location: str) -> Response:
    """The end of a job: 200, or 202 where it does not end in time. Raises JobLost where there is none."""
    ended = await _end(job_id, timeout_s, request) if timeout_s > 0 else None
    if ended is not None:
        return await _answer(ended, None)
    record = await _record(job_id)
    if record.state.is_final and (answer := await _fetched(record, request)) is not None:
        return answer
    told = {"id": job_id, "state": str(record.state), "ended": False}
    return JsonAnswer(END.of(told), 202, headers={"Location": location, "Retry-After": "1"})


async def _fetched(record: JobRecord, request: Request) -> Response | None:
    """The answer of a job that has ended: by its size refused, or fetched in turn. None where it runs anew."""
    [size] = await ask(lambda link: link.wire.ask(lambda client: result_sizes(client, link.wire.keys, [record.id])))
    if size > LARGEST_RESULT_BYTES + _ENVELOPE_BYTES:
        return JsonAnswer(END.of(_unloaded(record)))
    if size <= _SMALL_BYTES:
        return await _loaded(record, size)
    async with _loading:
        if await request.is_disconnected():
            raise Problem(400, "The caller left before its turn had come.")
        return await _loaded(record, size)


async def _loaded(record: JobRecord, size: int) -> Response | None:
    wanted = [(record.id, record.fence)]
    [ended] = await ask(lambda link: fetch_ends(link.wire, wanted, size / BYTES_A_SECOND))
    return await _answer(ended, record) if ended.is_over else None


async def _answer(ended: Ended, record: JobRecord | None) -> Response:
    """The answer of an end: a small one at once, a large one by a thread, so that nobody else waits for it."""
    if len(ended.payload) <= _SMALL_BYTES:
        with suppress(TooLarge):
            return JsonAnswer(END.of(_told(ended, record, Converter(parts=_SMALL_PARTS, size_bytes=_SMALL_BYTES))))
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_large, _large_answer, ended, record)


def _large_answer(ended: Ended, record: JobRecord | None) -> Response:
    try:
        told = _told(ended, record, Converter(parts=MOST_PARTS, size_bytes=LARGEST_RESULT_BYTES))
    except TooLarge:
        told = _over(ended) | _unfit(*_TOO_LARGE)
    return JsonAnswer(END.of(told), in_steps=True)


async def _end(job_id: str, timeout_s: float, request: Request) -> Ended | None:
    """The end, waited for as long as the caller is there; None where it did not come, or is to be fetched."""
    waits = asyncio.ensure_future(ask(lambda link: final_of(link, job_id)))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    try:
        while not waits.done() and loop.time() < deadline and not await _is_left(request):
            await asyncio.wait([waits], timeout=min(_LOOK_S, max(deadline - loop.time(), 0)))
        return waits.result() if waits.done() else None
    finally:
        waits.cancel()


async def _is_left(request: Request) -> bool:
    """Whether the caller has gone, or this server is about to."""
    return bool(request.state.is_stopping()) or await request.is_disconnected()


async def _record(job_id: str) -> JobRecord:
    return await ask(lambda link: link.record(job_id))


def _over(ended: Ended, record: JobRecord | None = None) -> dict[str, Any]:
    state = ended.state or (record.state if record else None)
    return {"id": ended.job_id, "state": str(state), "ended": True}


def _told(ended: Ended, record: JobRecord | None, converter: Converter) -> dict[str, Any]:
    """An end as plain values. Nothing is unpickled but plain data. Raises TooLarge."""
    if ended.state is None and record is None:
        raise unknown(ended.job_id)
    told = _over(ended, record)
    if ended.problem is not None and session().keyring.is_empty:
        return told | _unread(record)
    if not ended.succeeded:
        return told | _fault(fault_of(ended))
    converter.check_size(len(ended.payload))
    try:
        value = codec.load_plain_value(ended.payload)
    except NbqueueError:
        return told | _unfit("is no plain data, and is not loaded here")
    try:
        return told | {"result": converter.convert(value), "has_result": True}
    except TooLarge:
        raise
    except NoJson:
        return told | _unfit("has no JSON")


def _unloaded(record: JobRecord) -> dict[str, Any]:
    """What the record tells of an end that is too large to be loaded."""
    told = {"id": record.id, "state": str(record.state), "ended": True}
    if record.state is State.SUCCEEDED:
        return told | _unfit(*_TOO_LARGE)
    return told | {"error_type": record.error_type, "error": record.error}


def _unread(record: JobRecord | None) -> dict[str, Any]:
    """Of an end that cannot be read here what the record tells of it."""
    if record is not None and record.error_type:
        return {"error_type": record.error_type, "error": record.error}
    return {"error_type": ConfigurationError.__name__, "error": NO_KEY}


def _fault(error: NbqueueError | None) -> dict[str, Any]:
    if error is None:
        return {}
    if isinstance(error, JobFailed):
        kind = error.error_type
        return {"error_type": kind, "error": _without(str(error), kind), "traceback": error.remote_traceback}
    return {"error_type": type(error).__name__, "error": str(error)}


def _without(text: str, kind: str) -> str:
    """The message of an error whose text begins with its class."""
    return text.removeprefix(f"{kind}: ") if text != kind else ""


def _unfit(why: str, what: str = "numbers, text, lists or dicts") -> dict[str, Any]:
    return {
        "error_type": "NotSendable",
        "error": f"The result {why}: let the function hand back {what}, or fetch it in Python.",
    }
