"""Streams of events, as paths are asked for them."""

from __future__ import annotations

from starlette.routing import Route

#: what they are
STREAM_TYPE = "text/event-stream"


def only_get(route: Route) -> Route:
    """A route of a stream, which has no end of its own: Starlette lets in HEAD with GET, which nothing would end."""
    route.methods = {"GET"}
    return route
