"""The table of routes: everything under /api/v1, and the document that is made of it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from nbqueue.web.api import jobs
from nbqueue.web.endpoint import Endpoint

ENDPOINTS: Sequence[Endpoint] = (*jobs.ENDPOINTS,)


def routes() -> Sequence[Route]:
    """All of them as Starlette takes them."""
    return [each.route() for each in ENDPOINTS]
