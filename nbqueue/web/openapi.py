"""The OpenAPI document, made of the table of routes: it tells of what is answered, and of all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.broker.codec import header_versions
from nbqueue.web import records
from nbqueue.web.api import fields
from nbqueue.web.api.limits import LIMIT
from nbqueue.web.endpoint import JSON_TYPE, Endpoint, Reply
from nbqueue.web.ends import END
from nbqueue.web.problems import MEDIA_TYPE, document
from nbqueue.web.records import Shape
from nbqueue.web.shapes import Field

SHAPES: Sequence[Shape[Any]] = (
    records.JOB, records.ATTEMPT, records.QUEUE_NOW, records.QUEUE_FULL, records.WORKER, records.SCHEDULE, END,
    fields.ACCEPTED, fields.JOBS, LIMIT,
)  # fmt: skip
#: what every endpoint may answer with, and what only those that change something
_ALWAYS, _CHANGING = (400, 401, 403, 404, 414, 431, 503), (408, 413, 415)
_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence: what came, what is allowed, what to do."},
    },
    "required": [*document(400, "")],
}  # fmt: skip


def openapi(endpoints: Sequence[Endpoint], root_path: str = "") -> dict[str, Any]:
    """The document of these endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nbqueue", "version": header_versions()["v"],
            "description": "Submit registered functions as jobs, follow them, and look after queues.",
        },
        "servers": [{"url": root_path or "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**{shape.name: shape.schema for shape in SHAPES}, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _operation(of: Endpoint) -> dict[str, Any]:
    changing = _CHANGING if of.method != "GET" else ()
    responses = {str(status): _reply(reply) for status, reply in of.replies.items()}
    for status in sorted({*_ALWAYS, *changing, *of.problems}):
        responses[str(status)] = {
            "description": document(status, "")["title"],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    found: dict[str, Any] = {
        "operationId": of.name, "summary": of.summary, "responses": responses,
        "parameters": [
            *(_parameter(each, "path") for each in of.path_fields),
            *(_parameter(each, "query") for each in of.query),
            *(_parameter(each, "header") for each in of.header_fields),
        ],
    }  # fmt: skip
    if of.body_schema is not None:
        needed = bool(of.body_schema.get("required"))
        found["requestBody"] = {"required": needed, "content": {JSON_TYPE: {"schema": of.body_schema}}}
    return found


def _parameter(of: Field, place: str) -> dict[str, Any]:
    return {
        "name": of.name, "in": place, "required": of.required, "schema": of.schema, "description": of.help
    }  # fmt: skip


def _reply(of: Reply) -> dict[str, Any]:
    found: dict[str, Any] = {"description": of.help}
    if of.schema is not None:
        found["content"] = {of.media_type: {"schema": of.schema}}
    if of.headers:
        found["headers"] = {name: {"schema": {"type": "string"}} for name in of.headers}
    return found
