"""Limits of queues over HTTP: what is set, set another, take it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from nbqueue.client.queue import Queue
from nbqueue.model.limits import MOST, Limit
from nbqueue.web.api import fields
from nbqueue.web.endpoint import Asked, Endpoint, Reply
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.problems import Problem
from nbqueue.web.records import TEXT, Part, Shape
from nbqueue.web.shapes import Field

LIMIT: Shape[Limit] = Shape("Limit", (
    Part("limit", TEXT, "in words; empty: there is none", lambda found: "" if found.is_open else str(found)),
    Part("rate", {"type": ["string", "null"]}, "starts in a time, as it can be given again",
         lambda found: found.rate_text),
    Part("concurrency", {"type": ["integer", "null"]}, "jobs at once"),
))  # fmt: skip


async def _limit(asked: Asked) -> Response:
    return _told(asked, await Queue(asked.path["name"]).limits())


async def _set(asked: Asked) -> Response:
    if not asked.body:
        raise Problem(400, "body sets no limit: give rate, concurrency or both; DELETE takes the limit away.")
    rate, concurrency = asked.body.get("rate"), asked.body.get("concurrency")
    at_once = None if concurrency is None else int(concurrency)
    return _told(asked, await Queue(asked.path["name"]).limits(rate=rate, concurrency=at_once))


async def _remove(asked: Asked) -> Response:
    return _told(asked, await Queue(asked.path["name"]).limits(remove=True))


def _told(asked: Asked, found: Mapping[str, Limit]) -> Response:
    return JsonAnswer(LIMIT.of(found.get(f"q:{asked.path['name']}", Limit())))


_LIMIT = Reply(help="The limit that is set now.", schema=LIMIT.ref)
_LIMITED: Sequence[Field] = (
    Field(name="rate", schema={"type": "string", "maxLength": 50}, help='Starts in a time: "20/min".'),
    Field(name="concurrency", schema={"type": "integer", "minimum": 1, "maximum": MOST}, help="Jobs at once."),
)
_PATH = "/api/v1/queues/{name}/limits"
ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        method="GET", path=_PATH, name="get_limits", act=_limit, path_fields=(fields.QUEUE_NAME,),
        summary="The limit that is set for a queue.", replies={200: _LIMIT},
    ),
    Endpoint(
        method="PUT", path=_PATH, name="set_limits", act=_set, body=_LIMITED, path_fields=(fields.QUEUE_NAME,),
        summary="Limit its starts in a time, its jobs at once, or both, over all workers: what is not given is no "
        "limit, whatever was set before.", replies={200: _LIMIT}, problems=(507,),
    ),
    Endpoint(
        method="DELETE", path=_PATH, name="remove_limits", act=_remove, path_fields=(fields.QUEUE_NAME,),
        summary="Take its limit away.", replies={200: _LIMIT}, problems=(507,),
    ),
)  # fmt: skip
