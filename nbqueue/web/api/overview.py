"""The whole over HTTP: statistics, workers, and the functions they know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from nbqueue.broker.memory import memory
from nbqueue.client.schedule import Schedule
from nbqueue.client.schedule_list import schedules
from nbqueue.errors import UnknownSchedule
from nbqueue.web import records
from nbqueue.web.api import fields
from nbqueue.web.api.functions import engines
from nbqueue.web.api.queues import every
from nbqueue.web.asking import ask
from nbqueue.web.endpoint import Asked, Endpoint, Reply
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.problems import Problem
from nbqueue.web.records import MOMENT, WHOLE
from nbqueue.web.shapes import Field, Schema

_SCHEDULE_NAME = Field(
    name="name", required=True, help="The schedule's name.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$"},
)  # fmt: skip


async def _stats(_: Asked) -> Response:
    found, served = await ask(every), await ask(engines)
    full = await ask(lambda link: link.wire.ask(memory))
    jobs: Counter[str] = Counter()
    for each in found:
        jobs.update({"queued": each.queued, "scheduled": each.scheduled, "running": each.running})
        jobs.update({str(state): count for state, count in each.ended.items()})
    told: dict[str, Any] = {
        "at": (await ask(lambda link: link.time())).isoformat(),
        "queues": len(found), "paused": [each.name for each in found if each.paused], "jobs": dict(jobs),
        "workers": len(served), "slots": sum(each.slots for each in served),
        "memory": None if full is None else {"used_bytes": full.used_bytes, "limit_bytes": full.limit_bytes},
    }  # fmt: skip
    return JsonAnswer(told)


async def _workers(asked: Asked) -> Response:
    queue = asked.query.get("queue")
    found = [each for each in await ask(engines) if queue is None or queue in each.queues]
    return JsonAnswer({"workers": [records.WORKER.of(each) for each in found]})


async def _functions(_: Asked) -> Response:
    served: dict[str, set[str]] = {}
    for each in await ask(engines):
        for name in each.functions:
            served.setdefault(name, set()).update(each.queues)
    return JsonAnswer({"functions": [{"name": name, "queues": sorted(served[name])} for name in sorted(served)]})


async def _schedules(_: Asked) -> Response:
    return JsonAnswer({"schedules": [records.SCHEDULE.of(each) for each in (await schedules.all()).records]})


async def _schedule(schedule: Schedule[Any]) -> Response:
    return JsonAnswer(records.SCHEDULE.of(await schedule.info()))


async def _found(asked: Asked) -> Schedule[Any]:
    name = asked.path["name"]
    try:
        return await schedules.get(name)
    except UnknownSchedule:
        raise Problem(404, f"There is no schedule {name}: GET /api/v1/schedules lists those that are there.") from None


async def _pause(asked: Asked) -> Response:
    found = await _found(asked)
    await found.pause()
    return await _schedule(found)


async def _resume(asked: Asked) -> Response:
    found = await _found(asked)
    await found.resume()
    return await _schedule(found)


async def _trigger(asked: Asked) -> Response:
    job = await (await _found(asked)).trigger()
    at = fields.location(asked.request, f"/jobs/{job.id}")
    return JsonAnswer(fields.ACCEPTED.of((job.id, at, False)), 202, headers={"Location": at})


async def _delete(asked: Asked) -> Response:
    found = await _found(asked)
    await found.delete()
    return Response(status_code=204)


_STATS: Schema = {
    "type": "object",
    "properties": {
        "at": MOMENT, "queues": WHOLE, "paused": {"type": "array", "items": {"type": "string"}},
        "jobs": {"type": "object", "additionalProperties": WHOLE}, "workers": WHOLE, "slots": WHOLE,
        "memory": {"type": ["object", "null"], "properties": {"used_bytes": WHOLE, "limit_bytes": WHOLE}},
    },
    "required": ["at", "queues", "paused", "jobs", "workers", "slots", "memory"],
}  # fmt: skip
_FUNCTIONS: Schema = {
    "type": "object",
    "properties": {
        "functions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "queues": {"type": "array", "items": {"type": "string"}}},
            },
        }
    },
    "required": ["functions"],
}
_SCHEDULE = Reply(help="How it stands now.", schema=records.SCHEDULE.ref)
_TRIGGERED = Reply(help="Its job.", schema=fields.ACCEPTED.ref, headers=("Location",))
ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        method="GET", path="/api/v1/stats", name="get_stats", act=_stats, summary="All queues and workers in numbers.",
        replies={200: Reply(help="The numbers.", schema=_STATS)},
    ),
    Endpoint(
        method="GET", path="/api/v1/workers", name="list_workers", act=_workers, summary="The engines of all workers.",
        query=(fields.named("queue", "Only those that serve this queue."),),
        replies={200: Reply(help="The engines.", schema=fields.listing("workers", records.WORKER))},
    ),
    Endpoint(
        method="GET", path="/api/v1/functions", name="list_functions", act=_functions,
        summary="The functions that workers know by name.",
        replies={200: Reply(help="The functions.", schema=_FUNCTIONS)},
    ),
    Endpoint(
        method="GET", path="/api/v1/schedules", name="list_schedules", act=_schedules, summary="All schedules.",
        replies={200: Reply(help="The schedules.", schema=fields.listing("schedules", records.SCHEDULE))},
    ),
    *(
        Endpoint(
            method="POST", path=f"/api/v1/schedules/{{name}}/{verb}", name=f"{verb}_schedule", act=act, body=(),
            summary=summary, path_fields=(_SCHEDULE_NAME,), replies=replies, problems=(404, 409, 507),
        )
        for verb, act, summary, replies in (
            ("pause", _pause, "Let no more runs of a schedule come.", {200: _SCHEDULE}),
            ("resume", _resume, "Let runs of a schedule come again.", {200: _SCHEDULE}),
            ("trigger", _trigger, "One run of a schedule now.", {202: _TRIGGERED}),
        )
    ),
    Endpoint(
        method="DELETE", path="/api/v1/schedules/{name}", name="delete_schedule", act=_delete,
        path_fields=(_SCHEDULE_NAME,), summary="Remove a schedule.", problems=(404,),
        replies={204: Reply(help="It is gone.")},
    ),
)  # fmt: skip
