"""What happens, as it happens: streams of server-sent events (the HTML standard's text/event-stream)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from nbqueue.client.changes import ChangeReader
from nbqueue.client.handle import Job
from nbqueue.client.session import session
from nbqueue.client.stream import Stream
from nbqueue.errors import NbqueueError
from nbqueue.model.events import Event, Logged, Progressed, StateChanged
from nbqueue.web import json_text
from nbqueue.web.api import fields
from nbqueue.web.asking import ask
from nbqueue.web.endpoint import Asked, Endpoint, Reply
from nbqueue.web.problems import Problem
from nbqueue.web.shapes import Field
from nbqueue.web.streams import STREAM_TYPE
from nbqueue.web.turns import Turns

#: streams at once, and how long one goes on: whoever listens comes again with the last id
MOST_STREAMS, LONGEST_S = 64, 3600.0
#: silence is broken after so long, for proxies that would cut the connection
BEAT_S = 15.0
_POSITION = re.compile(r"[0-9]{1,15}-[0-9]{1,15}\Z")

_listening = Turns(MOST_STREAMS, "callers listen to events")


async def _all(asked: Asked) -> Response:
    after = asked.request.headers.get("last-event-id") or asked.query.get("after") or None
    if after is not None and not _POSITION.match(after):
        raise Problem(
            400, f"Last-Event-ID={ascii(after)[:60]} is none of ours: send the id of the last event, or none."
        )
    reader = ChangeReader(after)
    start = await ask(reader.begin)
    return EventAnswer(_changes(reader, start, asked.query.get("timeout_s", LONGEST_S)))


async def _of_job(asked: Asked) -> Response:
    job: Job[Any] = Job(asked.path["job_id"])
    await ask(lambda link: link.record(job.id))
    return EventAnswer(_events(job.events(), asked.query.get("timeout_s", LONGEST_S)))


class EventAnswer(StreamingResponse):
    """A stream of events, which takes a turn as long as somebody listens."""

    media_type = STREAM_TYPE

    def __init__(self, lines: AsyncGenerator[str, None]) -> None:
        super().__init__(lines, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes, until nobody listens."""
        try:
            with _listening:
                await super().__call__(scope, receive, send)
        finally:
            await self._lines.aclose()


async def _changes(reader: ChangeReader, start: str, timeout_s: float) -> AsyncGenerator[str, None]:
    """Every change of every job. Of several that came to be at once the last one has the id."""
    loop = asyncio.get_running_loop()
    ends_at, spoke_at = loop.time() + timeout_s, loop.time()
    yield f"retry: 2000\nid: {start}\n\n"
    try:
        while loop.time() < ends_at:
            async with asyncio.timeout_at(ends_at):
                found = await ask(reader.read)
            if found.gap:
                yield _event("gap", {"reason": "events were lost: ask for the state of what you follow"})
            for change, position in zip(found.changes, found.positions, strict=True):
                yield _event("state", _told(change), position)
            if found.changes:
                spoke_at = loop.time()
            elif loop.time() - spoke_at > BEAT_S:
                spoke_at = loop.time()
                yield ": still there\n\n"
    except TimeoutError:
        return
    except NbqueueError as error:
        yield _broken(error)
    finally:
        with suppress(NbqueueError, RuntimeError):
            session().call(reader.close)


async def _events(events: Stream[Event], timeout_s: float) -> AsyncGenerator[str, None]:
    """What happens to one job, until it has ended."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + timeout_s
    following: asyncio.Task[Event] | None = None
    yield "retry: 2000\n\n"
    try:
        while (left_s := ends_at - loop.time()) > 0:
            following = following or asyncio.ensure_future(_following(events))
            await asyncio.wait([following], timeout=min(BEAT_S, left_s))
            if not following.done():
                yield ": still there\n\n"
                continue
            event, following = following.result(), None
            yield _event(_KINDS[type(event)], _told(event))
    except StopAsyncIteration:
        yield _event("end", {})
    except NbqueueError as error:
        yield _broken(error)
    finally:
        if following is not None:
            following.cancel()
        events.close()


def _broken(error: NbqueueError) -> str:
    """That no more will come, though more may happen: says nothing of how a job stands."""
    return _event("broken", {"reason": str(error)})


async def _following(events: Stream[Event]) -> Event:
    return await anext(events)


_KINDS: dict[type[Any], str] = {StateChanged: "state", Progressed: "progress", Logged: "log"}


def _told(event: Event) -> dict[str, Any]:
    match event:
        case StateChanged():
            return {"id": event.job_id, "state": str(event.state), "at": event.at.isoformat()}
        case Progressed():
            found = event.progress
            return {
                "id": event.job_id, "fraction": found.fraction, "message": found.message, "metrics": dict(found.metrics)
            }  # fmt: skip
        case Logged():
            return {"id": event.job_id, "text": event.text}


def _event(kind: str, data: Any, event_id: str = "") -> str:
    """One event. JSON in ASCII has no line breaks, so nothing in it can begin another event."""
    number = f"id: {event_id}\n" if event_id else ""
    return f"event: {kind}\n{number}data: {json_text.write(data)}\n\n"


_FOR = Field(name="timeout_s", schema={"type": "number", "minimum": 0, "maximum": LONGEST_S},
             help="End the stream after so many seconds; an hour if not given.")  # fmt: skip
_AFTER = {"type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$"}
ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        method="GET", path="/api/v1/events", name="follow_jobs", act=_all,
        summary="Every change of every job, as server-sent events.",
        query=(Field(name="after", schema=_AFTER, help="The id of the last event that came."), _FOR),
        header_fields=(Field(name="Last-Event-ID", schema=_AFTER, help="The same, as browsers send it."),),
        replies={
            200: Reply(help="`state` events, and `gap` where some were lost.", schema={}, media_type=STREAM_TYPE),
        },
    ),
    Endpoint(
        method="GET", path="/api/v1/jobs/{job_id}/events", name="follow_job", act=_of_job, path_fields=(fields.ID,),
        summary="What happens to a job until it has ended: states, progress and log lines.", query=(_FOR,),
        replies={200: Reply(help="A stream of events.", schema={}, media_type=STREAM_TYPE)},
        problems=(404,),
    ),
)  # fmt: skip
