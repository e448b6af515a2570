"""Jobs over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from nbqueue.client.session import session
from nbqueue.web import records
from nbqueue.web.endpoint import Asked, Endpoint, Reply
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.shapes import JOB_ID, Field

_ID = Field(name="job_id", schema=JOB_ID, help="The job's id.", required=True)


async def _one(asked: Asked) -> Response:
    job_id = asked.path["job_id"]
    found = await session().begin(lambda link: link.record(job_id), what=f"asking about job {job_id}")
    return JsonAnswer(records.JOB.of(found))


ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        method="GET", path="/api/v1/jobs/{job_id}", name="get_job", summary="What is known of a job.", act=_one,
        path_fields=(_ID,), replies={200: Reply(help="The job.", schema=records.JOB.ref)}, problems=(404,),
    ),
)  # fmt: skip
