"""Parts that several endpoints ask for or answer with."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from nbqueue.web.records import FLAG, TEXT, Part, Shape
from nbqueue.web.shapes import JOB_ID, QUEUE, Field, Schema

#: where the API begins
ROOT = "/api/v1"
#: a moment, or how long ago
AGO: Schema = {"type": "string", "minLength": 1, "maxLength": 60}
ID = Field(name="job_id", schema=JOB_ID, help="The job's id.", required=True)
QUEUE_NAME = Field(name="name", schema=QUEUE, help="The queue's name.", required=True)
#: id, where to ask for it, whether there was a job of that id
ACCEPTED: Shape[tuple[str, str, bool]] = Shape("Accepted", (
    Part("id", TEXT, "names the job", lambda found: found[0]),
    Part("location", TEXT, "where to ask how it goes", lambda found: found[1]),
    Part("existed", FLAG, "whether it had been submitted before, under the same id", lambda found: found[2]),
))  # fmt: skip
#: jobs, and where the next page is
JOBS: Shape[tuple[list[Any], str | None]] = Shape("JobPage", (
    Part("jobs", {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}, "the newest first",
         lambda found: found[0]),
    Part("next", {"type": ["string", "null"]}, "where the next page is; null: there is none", lambda found: found[1]),
))  # fmt: skip
#: what became of a job
ANSWERED: Schema = {
    "type": "object", "properties": {"id": TEXT, "answer": TEXT}, "required": ["id", "answer"],
}  # fmt: skip
#: how many were meant
COUNTED: Schema = {
    "type": "object", "properties": {"count": {"type": "integer", "minimum": 0}}, "required": ["count"],
}  # fmt: skip


def listing(name: str, shape: Shape[Any]) -> Schema:
    """An object with a list of records."""
    return {"type": "object", "properties": {name: {"type": "array", "items": shape.ref}}, "required": [name]}


def named(name: str, help: str) -> Field:  # noqa: A002 - as the field calls it
    """The name of a queue in a query."""
    return Field(name=name, schema=QUEUE, help=help)


def location(request: Request, path: str) -> str:
    """The path of something in the API, as callers reach it."""
    return f"{request.scope.get('root_path', '')}{ROOT}{path}"
