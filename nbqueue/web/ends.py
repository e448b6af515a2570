"""The end of a job as a caller over HTTP gets it: its result where that is plain data, or what went wrong."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nbqueue.broker import codec
from nbqueue.client.ended import Ended, fault_of
from nbqueue.client.link import Link, unknown
from nbqueue.errors import JobFailed, NbqueueError
from nbqueue.model.job import JobRecord
from nbqueue.web import json_text
from nbqueue.web.asking import ask
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.records import STATE, TEXT, Part, Shape
from nbqueue.web.turns import Turns

#: callers that may wait at once, and for how long
MOST_WAITING, LONGEST_WAIT_S = 256, 300.0
#: how often a caller that waits is looked after
_LOOK_S = 1.0

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


async def waited(job_id: str, timeout_s: float, request: Request, *, location: str) -> Response:
    """The end of a job: 200, or 202 where it does not end in time. Raises JobLost where there is none."""
    with _waiting:
        ended = await _end(job_id, timeout_s, request)
    if ended is not None and ended.is_over:
        record = await _record(job_id) if ended.state is None and ended.problem is not None else None
        return JsonAnswer(END.of(_told(ended, record)))
    record = await _record(job_id)
    told = {"id": job_id, "state": str(record.state), "ended": False}
    return JsonAnswer(END.of(told), 202, headers={"Location": location, "Retry-After": "1"})


async def _end(job_id: str, timeout_s: float, request: Request) -> Ended | None:
    """The end, waited for as long as the caller is there; None where it did not come."""

    async def asked(link: Link) -> Ended | None:
        record = await link.record(job_id)
        if timeout_s <= 0 and not record.state.is_final:
            return None
        return await link.ends.end_of(job_id)

    waits = asyncio.ensure_future(ask(asked))
    loop = asyncio.get_running_loop()
    # an end that is there already is fetched in any case
    deadline = loop.time() + max(timeout_s, _LOOK_S)
    try:
        while not waits.done() and loop.time() < deadline and not await request.is_disconnected():
            await asyncio.wait([waits], timeout=min(_LOOK_S, max(deadline - loop.time(), 0)))
        return waits.result() if waits.done() else None
    finally:
        waits.cancel()


async def _record(job_id: str) -> JobRecord:
    return await ask(lambda link: link.record(job_id))


def _told(ended: Ended, record: JobRecord | None) -> dict[str, Any]:
    """An end as plain values. Nothing is unpickled but plain data."""
    if ended.state is None and record is None:
        raise unknown(ended.job_id)
    state = ended.state or (record.state if record else None)
    told: dict[str, Any] = {"id": ended.job_id, "state": str(state), "ended": True}
    if not ended.succeeded:
        return told | _fault(fault_of(ended))
    try:
        value = codec.load_plain_value(ended.payload)
    except NbqueueError:
        return told | _unfit("is no plain data, and is not loaded here")
    found, has_json = json_text.as_json(value)
    return told | ({"result": found, "has_result": True} if has_json else _unfit("has no JSON"))


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


def _unfit(why: str) -> dict[str, Any]:
    return {
        "error_type": "NotSendable",
        "error": f"The result {why}: let the function hand back numbers, text, lists or dicts, or fetch it in Python.",
    }
