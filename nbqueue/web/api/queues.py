"""Queues over HTTP: their numbers, and whether their jobs start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from starlette.responses import Response

from nbqueue.broker import every_queue, queues
from nbqueue.broker.queues import QueueStats
from nbqueue.client.link import Link
from nbqueue.client.queue import Queue
from nbqueue.model.states import State
from nbqueue.web import records
from nbqueue.web.api import fields
from nbqueue.web.api.options import since
from nbqueue.web.asking import ask
from nbqueue.web.endpoint import Asked, Endpoint, Reply
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.shapes import Field


async def every(link: Link) -> list[QueueStats]:
    """The numbers of all queues."""
    return await link.wire.ask(lambda client: every_queue.stats(client, link.wire.keys))


async def _list(_: Asked) -> Response:
    return JsonAnswer({"queues": [records.QUEUE_NOW.of(each) for each in await ask(every)]})


async def _one(asked: Asked) -> Response:
    return await _standing(asked.path["name"])


async def _standing(name: str) -> Response:
    return JsonAnswer(records.QUEUE_FULL.of(await Queue(name).stats()))


async def _pause(asked: Asked) -> Response:
    await Queue(asked.path["name"]).pause()
    return await _standing(asked.path["name"])


async def _resume(asked: Asked) -> Response:
    await Queue(asked.path["name"]).resume()
    return await _standing(asked.path["name"])


async def _drain(asked: Asked) -> Response:
    name = asked.path["name"]
    await ask(lambda link: link.wire.ask(lambda client: queues.close(client, link.wire.keys, name)))
    return await _standing(name)


async def _open(asked: Asked) -> Response:
    await Queue(asked.path["name"]).open()
    return await _standing(asked.path["name"])


async def _clear(asked: Asked) -> Response:
    states = asked.body.get("states", ["queued", "scheduled"])
    count = await Queue(asked.path["name"]).clear(states, older_than=_ago(asked, "older_than"))
    return JsonAnswer({"count": count})


def _ago(asked: Asked, what: str) -> str | datetime | None:
    return since(asked.body[what], what) if what in asked.body else None


async def _retry(asked: Asked) -> Response:
    dead = await Queue(asked.path["name"]).dead(since=_ago(asked, "since"), limit=asked.body.get("limit", 1000))
    return JsonAnswer({"count": len(await dead.retry())})


_QUEUE = Reply(help="How it stands now.", schema=records.QUEUE_FULL.ref)
_COUNT = Reply(help="How many.", schema=fields.COUNTED)
_CLEARED: Sequence[Field] = (
    Field(name="states", schema={"type": "array", "items": {"type": "string", "enum": [
        str(state) for state in State if state is not State.RUNNING]}, "minItems": 1, "maxItems": len(State)},
        help="Jobs in these states; those that wait if not given."),
    Field(name="older_than", schema=fields.AGO, help='Only those submitted longer ago than this: "7d".'),
)  # fmt: skip
_RETRIED: Sequence[Field] = (
    Field(name="since", schema=fields.AGO, help='Only those that failed since: "2h" (ago).'),
    Field(name="limit", schema={"type": "integer", "minimum": 1, "maximum": 10_000}, help="At most so many; 1000."),
)
_PATH = "/api/v1/queues/{name}"
ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        method="GET", path="/api/v1/queues", name="list_queues", act=_list, summary="All queues with their numbers.",
        replies={200: Reply(help="The queues.", schema=fields.listing("queues", records.QUEUE_NOW))},
    ),
    Endpoint(
        method="GET", path=_PATH, name="get_queue", act=_one, path_fields=(fields.QUEUE_NAME,),
        summary="A queue with all that is known of it; zeros where nothing was submitted to it yet.",
        replies={200: _QUEUE},
    ),
    *(
        Endpoint(
            method="POST", path=f"{_PATH}/{verb}", name=f"{verb}_queue", act=act, summary=summary, body=body,
            path_fields=(fields.QUEUE_NAME,), replies={200: reply}, problems=(507,),
        )
        for verb, act, summary, body, reply in (
            ("pause", _pause, "Let no more of its jobs start; those that run go on.", (), _QUEUE),
            ("resume", _resume, "Let its jobs start again.", (), _QUEUE),
            ("drain", _drain, "Let it take no more jobs; those that are there run, and running + queued say how many.",
             (), _QUEUE),
            ("open", _open, "Let a queue take jobs again that was drained.", (), _QUEUE),
            ("clear", _clear, "Forget its jobs: those that wait, or those in the states that are given.", _CLEARED,
             _COUNT),
            ("retry", _retry, "Retry its jobs that failed for good and were not retried.", _RETRIED, _COUNT),
        )
    ),
)  # fmt: skip
