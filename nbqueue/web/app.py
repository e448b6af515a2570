"""The web application: the table of routes, behind the guard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp

from nbqueue.client.session import session
from nbqueue.errors import BrokerUnavailable, NbqueueError
from nbqueue.web import login, metrics, plain_page
from nbqueue.web.api import table
from nbqueue.web.config import WebConfig
from nbqueue.web.guard import HEALTH, Guard
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.problems import FAULT, Problem, of_error, problem

logger = logging.getLogger("nbqueue.web")


def create_app(
    config: WebConfig, pages: Sequence[BaseRoute] = (), is_stopping: Callable[[], bool] = lambda: False
) -> ASGIApp:
    """The application that answers by the session in force.

    Args:
        config: who may call, and what they may do.
        pages: what is to be seen besides the API.
        is_stopping: whether nobody is to be waited for any more.
    """
    routes = [Route(HEALTH, _health, methods=["GET"]), metrics.route(), *login.routes(), *table.routes(), *pages]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Problem: _refused, NbqueueError: _failed, HTTPException: _not_there, Exception: _broken,
        },
    )  # fmt: skip
    # "/jobs/" is not "/jobs": no answer leads elsewhere
    app.router.redirect_slashes = False
    return Guard(app, config, is_stopping)


async def _health(_: Request) -> Response:
    """Whether the queue's server answers; says no more, as it needs no token."""
    try:
        async with asyncio.timeout(2):
            await asyncio.wrap_future(session().call(lambda link: link.time()))
    except (NbqueueError, TimeoutError):
        raise Problem(503, "The queue's server does not answer.", headers={"Retry-After": "5"}) from None
    return JsonAnswer({"status": "ok"})


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - Starlette's signature is wider
    return error.answer()


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, NbqueueError)  # noqa: S101
    found = of_error(error)
    if isinstance(error, BrokerUnavailable):
        logger.warning("the queue's server cannot be used: %s", error)
    return found.answer()


async def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:  # noqa: PLR2004
        if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            return plain_page.nowhere(request)
        return problem(404, "There is nothing at this path: /api/v1/openapi.json lists what there is.")
    if error.status_code == 405:  # noqa: PLR2004
        allowed = _methods(request)
        sentence = f"{request.method[:16]} is not possible here: this path takes {allowed}."
        return problem(405, sentence, headers={"Allow": allowed})
    return problem(error.status_code, error.detail, headers=error.headers)


def _methods(request: Request) -> str:
    """What the path of a request can be asked with, over all of its routes."""
    matching = [each for each in request.app.routes if each.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for each in matching if isinstance(each, Route) for method in each.methods or ()}))


async def _broken(_: Request, __: Exception) -> Response:
    """A fault of ours: the log has it, the caller is told no more than that."""
    return problem(500, FAULT)
