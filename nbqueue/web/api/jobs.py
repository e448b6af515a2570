"""Jobs over HTTP: submit them, look at them, wait for them, stop them, run them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.responses import PlainTextResponse, Response

from nbqueue.client.handle import Job
from nbqueue.client.known import jobs
from nbqueue.client.submitter import options
from nbqueue.model.attempts import running_attempt
from nbqueue.model.names import check_text
from nbqueue.model.options import DEFAULTS
from nbqueue.model.states import State
from nbqueue.web import ends, records
from nbqueue.web.api import fields
from nbqueue.web.api.functions import check_known
from nbqueue.web.api.options import OPTIONS, since, taken
from nbqueue.web.asking import ask
from nbqueue.web.endpoint import Asked, Endpoint, Reply, object_of
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.shapes import Field

#: jobs of one page, and how far back pages go
MOST_LISTED, MOST_SKIPPED = 500, 10_000

_CALL: Sequence[Field] = (
    Field(name="function", schema={"type": "string", "minLength": 1, "maxLength": 200}, required=True,
          help="The name that workers know the function by. Code is not taken."),
    Field(name="args", schema={"type": "array", "items": {}, "maxItems": 1000}, help="Its positional arguments."),
    Field(name="kwargs", schema={"type": "object"}, help="Its keyword arguments."),
    Field(name="options", schema=object_of(OPTIONS), help="The options of the job."),
)  # fmt: skip
_ACCEPTED = Reply(help="Accepted: ask at Location how it goes.", schema=fields.ACCEPTED.ref, headers=("Location",))
_ENDED = Reply(help="It has ended.", schema=ends.END.ref)
_GOES_ON = Reply(help="It goes on: ask again at Location.", schema=ends.END.ref, headers=("Location", "Retry-After"))


async def submit(body: Mapping[str, Any]) -> Job[Any]:
    """The job of a body that was checked."""
    name = check_text(body["function"], "function", least=1)
    given = taken(body.get("options", {}))
    submitter = options(**given)
    await check_known(name, given.get("queue", DEFAULTS.queue), given.get("job_id", ""))
    return await submitter.submit(name, *body.get("args", ()), **body.get("kwargs", {}))


async def _submit(asked: Asked) -> Response:
    job = await submit(asked.body)
    at = fields.location(asked.request, f"/jobs/{job.id}")
    return JsonAnswer(fields.ACCEPTED.of((job.id, at, job.existed)), 202, headers={"Location": at})


async def _execute(asked: Asked) -> Response:
    timeout_s = float(asked.body.get("timeout_s", 30))
    # who is refused a place can come again: nothing was submitted
    with ends.turn(timeout_s):
        job = await submit(asked.body)
        at = fields.location(asked.request, f"/jobs/{job.id}/wait")
        return await ends.waited(job.id, timeout_s, asked.request, location=at)


async def _list(asked: Asked) -> Response:
    query = asked.query
    limit, skipped = query.get("limit", 50), query.get("offset", 0)
    times: dict[str, Any] = {name: since(query[name], name) for name in ("since", "until") if name in query}
    words = {name: query[name] for name in ("queue", "function", "tag", "error", "slower_than") if name in query}
    found = await jobs.where(state=query.get("state"), **words, **times, limit=limit + skipped)
    page = found.records[skipped : skipped + limit]
    following = ""
    if (found.is_cut or len(found.records) > skipped + limit) and skipped + limit <= MOST_SKIPPED:
        pairs = [*((name, text) for name, text in asked.request.query_params.items() if name != "offset"),
                 ("offset", str(skipped + limit))]  # fmt: skip
        following = f"{fields.location(asked.request, '/jobs')}?{urlencode(pairs)}"
    return JsonAnswer(fields.JOBS.of(([records.JOB.of(each) for each in page], following or None)))


async def _one(asked: Asked) -> Response:
    return JsonAnswer(records.JOB.of(await ask(lambda link: link.record(asked.path["job_id"]))))


async def _wait(asked: Asked) -> Response:
    job_id = asked.path["job_id"]
    at = fields.location(asked.request, f"/jobs/{job_id}/wait")
    timeout_s = float(asked.query.get("timeout_s", 30))
    with ends.turn(timeout_s):
        return await ends.waited(job_id, timeout_s, asked.request, location=at)


async def _log(asked: Asked) -> Response:
    job_id = asked.path["job_id"]
    text = await ask(lambda link: link.log(job_id))
    return PlainTextResponse(str(text).encode(errors="replace"))


async def _attempts(asked: Asked) -> Response:
    job: Job[Any] = Job(asked.path["job_id"])
    record = await ask(lambda link: link.record(job.id))
    found = {running.number: running for running in [running_attempt(record)] if record.state is State.RUNNING}
    # it may have ended meanwhile
    found |= {each.number: each for each in await job.attempts()}
    return JsonAnswer({"attempts": [records.ATTEMPT.of(found[number]) for number in sorted(found)]})


async def _cancel(asked: Asked) -> Response:
    job: Job[Any] = Job(asked.path["job_id"])
    return JsonAnswer({"id": job.id, "answer": await job.cancel()})


async def _promote(asked: Asked) -> Response:
    job: Job[Any] = Job(asked.path["job_id"])
    return JsonAnswer({"id": job.id, "answer": await job.promote()})


async def _delete(asked: Asked) -> Response:
    job: Job[Any] = Job(asked.path["job_id"])
    await ask(lambda link: link.record(job.id))
    return JsonAnswer({"id": job.id, "answer": await job.delete()})


async def _retry(asked: Asked) -> Response:
    job: Job[Any] = Job(asked.path["job_id"])
    again = await job.retry()
    at = fields.location(asked.request, f"/jobs/{again.id}")
    return JsonAnswer(fields.ACCEPTED.of((again.id, at, False)), 202, headers={"Location": at})


_TIMEOUT = Field(name="timeout_s", schema={"type": "number", "minimum": 0, "maximum": ends.LONGEST_WAIT_S},
                 help="How long to wait at most, in seconds; 30 if not given.")  # fmt: skip
_ANSWERED = Reply(help="What became of it.", schema=fields.ANSWERED)
_PAGE: Sequence[Field] = (
    Field(
        name="state",
        schema=records.STATE,
        help="Jobs in this state.",
        hint='What waits for other jobs is queued, and its reason is "blocked".',
    ),
    fields.named("queue", "Jobs of this queue."),
    Field(name="function", schema={"type": "string", "maxLength": 200}, help="Jobs of this function."),
    Field(name="tag", schema={"type": "string", "maxLength": 64}, help="Jobs with this tag."),
    Field(name="error", schema={"type": "string", "maxLength": 200}, help="The class of an error, or a part of it."),
    Field(name="since", schema=fields.AGO, help='Submitted or ended since: a moment, or "2h" (ago).'),
    Field(name="until", schema=fields.AGO, help="Submitted or ended until: a moment, or how long ago."),
    Field(name="slower_than", schema=fields.AGO, help='Ran longer than this: "5min".'),
    Field(name="limit", schema={"type": "integer", "minimum": 1, "maximum": MOST_LISTED}, help="How many; 50."),
    Field(name="offset", schema={"type": "integer", "minimum": 0, "maximum": MOST_SKIPPED}, help="How many to skip."),
)
ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        method="POST", path="/api/v1/jobs", name="submit_job", act=_submit, body=_CALL, problems=(404, 409, 507),
        summary="Submit a registered function.", replies={202: _ACCEPTED},
    ),
    Endpoint(
        method="GET", path="/api/v1/jobs", name="list_jobs", act=_list, query=_PAGE,
        summary="Jobs that wait, run or have ended, the newest first.",
        replies={200: Reply(help="One page of them.", schema=fields.JOBS.ref)},
    ),
    Endpoint(
        method="GET", path="/api/v1/jobs/{job_id}", name="get_job", act=_one, path_fields=(fields.ID,),
        summary="What is known of a job.", replies={200: Reply(help="The job.", schema=records.JOB.ref)},
        problems=(404,),
    ),
    Endpoint(
        method="GET", path="/api/v1/jobs/{job_id}/wait", name="wait_for_job", act=_wait, path_fields=(fields.ID,),
        query=(_TIMEOUT,), summary="Wait for a job's end: its result, or what went wrong.",
        replies={200: _ENDED, 202: _GOES_ON}, problems=(404,),
    ),
    Endpoint(
        method="GET", path="/api/v1/jobs/{job_id}/log", name="get_log", act=_log, path_fields=(fields.ID,),
        summary="What a job has printed, about the last megabyte.", problems=(404,),
        replies={200: Reply(help="Text.", schema={"type": "string"}, media_type="text/plain")},
    ),
    Endpoint(
        method="GET", path="/api/v1/jobs/{job_id}/attempts", name="list_attempts", act=_attempts,
        path_fields=(fields.ID,), summary="Its attempts, the first first; one that runs is the last.", problems=(404,),
        replies={200: Reply(help="The attempts.", schema=fields.listing("attempts", records.ATTEMPT))},
    ),
    Endpoint(
        method="POST", path="/api/v1/execute", name="execute", act=_execute, body=(*_CALL, _TIMEOUT),
        summary="Submit a registered function and wait for its end.", replies={200: _ENDED, 202: _GOES_ON},
        problems=(404, 409, 507),
    ),
    *(
        Endpoint(
            method="POST", path=f"/api/v1/jobs/{{job_id}}/{verb}", name=f"{verb}_job", act=act, summary=summary,
            path_fields=(fields.ID,), body=(), replies=replies, problems=(404, 409, 507),
        )
        for verb, act, summary, replies in (
            ("cancel", _cancel, "Stop a job.", {200: _ANSWERED}),
            ("retry", _retry, "Submit a job again, as a new one.", {202: _ACCEPTED}),
            ("promote", _promote, "Let a job that waits for its time start now.", {200: _ANSWERED}),
        )
    ),
    Endpoint(
        method="DELETE", path="/api/v1/jobs/{job_id}", name="delete_job", act=_delete, path_fields=(fields.ID,),
        summary="Forget a job; one that runs goes on.", replies={200: _ANSWERED}, problems=(404,),
    ),
)  # fmt: skip
