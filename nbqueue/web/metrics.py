"""GET /metrics: what Prometheus reads."""

from __future__ import annotations

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nbqueue.client.link import Link
from nbqueue.errors import BrokerUnavailable
from nbqueue.metrics.exposition import Exposition, away, exposition
from nbqueue.web.asking import ask
from nbqueue.web.guard import METRICS

logger = logging.getLogger("nbqueue.web")

#: Prometheus waits ten seconds, where nothing else is asked for
PATIENCE_S = 8.0


def route() -> Route:
    """The route; the guard says who may take it."""
    return Route(METRICS, _metrics, methods=["GET"])


async def _metrics(request: Request) -> Response:
    """The metrics of the namespace; a server that does not answer is one of them, and no failure of ours."""
    accept = request.headers.get("accept", "")

    async def asked(link: Link) -> Exposition:
        return await link.wire.ask(lambda client: exposition(client, link.wire.keys, accept=accept))

    try:
        async with asyncio.timeout(PATIENCE_S):
            found = await ask(asked)
    except (BrokerUnavailable, TimeoutError) as error:
        logger.warning("the metrics are without the queue's server: %s", error)
        found = away(accept=accept)
    return Response(found.body, headers={"content-type": found.content_type})
