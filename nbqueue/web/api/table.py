"""The table of routes: everything under /api/v1, and the document that is made of it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from nbqueue.web.api import events, jobs, limits, overview, queues
from nbqueue.web.endpoint import Asked, Endpoint, Reply
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.openapi import openapi


async def _document(asked: Asked) -> Response:
    return JsonAnswer(openapi(ENDPOINTS, asked.request.scope.get("root_path", "")))


ENDPOINTS: Sequence[Endpoint] = (
    *jobs.ENDPOINTS, *events.ENDPOINTS, *queues.ENDPOINTS, *limits.ENDPOINTS, *overview.ENDPOINTS,
    Endpoint(
        method="GET", path="/api/v1/openapi.json", name="get_document", act=_document,
        summary="This document: all endpoints, what they take and what they answer.",
        replies={200: Reply(help="An OpenAPI 3.1 document.", schema={"type": "object"})},
    ),
)  # fmt: skip


def routes() -> Sequence[Route]:
    """All of them as Starlette takes them."""
    return [each.route() for each in ENDPOINTS]
