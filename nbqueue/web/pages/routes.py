"""The addresses of pages: what is to be seen, what keeps it live, what buttons ask for."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from nbqueue.broker.address import parse_url
from nbqueue.broker.owners import GROUP
from nbqueue.client.session import Session
from nbqueue.errors import JobLost, NbqueueError
from nbqueue.local import stack
from nbqueue.web import body
from nbqueue.web.config import MOST_FIELDS
from nbqueue.web.json_text import JsonAnswer
from nbqueue.web.pages import acting, views
from nbqueue.web.pages.acting import Told, Wish
from nbqueue.web.pages.drawing import Drawing
from nbqueue.web.pages.hub import Hub, TooMuch
from nbqueue.web.pages.views import Kind, View
from nbqueue.web.problems import of_error, sentence_of
from nbqueue.web.static_files import StaticFiles
from nbqueue.web.streams import STREAM_TYPE, only_get

#: a stream that has nothing to tell says so after this, and a page that hears nothing for longer knows it is lost
BEAT_S = 5.0
#: how long one goes on: whoever looks comes again, and shows the cookie again
LONGEST_S = 3600.0
#: what is said where asking would start the local stack
NOT_RUNNING = "The local stack is not running: the first submit starts it, or `nbqueue up`."
#: sentences about acts that are kept until their page is loaded
TOLD = 200
#: what a button names that is for the job or group of its page
THIS = "this"
_PLACES = re.compile(r"(schedules|failures|(jobs|groups)/([^/?#]+))?\Z")
_KINDS = {"": Kind.BOARD, "schedules": Kind.SCHEDULES, "failures": Kind.FAILURES}


class Pages:
    """The pages of one web server."""

    def __init__(self, of: Session, *, place: str, is_up: Callable[[], bool], when_down: str, read_only: bool) -> None:
        """Args: whom to ask; which server that is; whether it may be asked; what is said else; what may be done."""
        self._hub = Hub(of, is_up, when_down)
        self._drawing = Drawing(self._hub, place, of.settings.namespace, read_only=read_only)
        self._read_only = read_only
        self._told: dict[str, Told] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """What goes into the table of routes."""
        return [
            Route("/", self._shows(Kind.BOARD), methods=["GET"]),
            Route("/jobs/{item}", self._shows(Kind.JOB), methods=["GET"]),
            Route("/groups/{item}", self._shows(Kind.GROUP), methods=["GET"]),
            Route("/schedules", self._shows(Kind.SCHEDULES), methods=["GET"]),
            Route("/failures", self._shows(Kind.FAILURES), methods=["GET"]),
            only_get(Route("/live", self._live, methods=["GET"])),
            Route("/matching", self._matching, methods=["GET"]),
            Route("/act", self._act, methods=["POST"]),
            StaticFiles().route(),
        ]

    def _shows(self, kind: Kind) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def shown(request: Request) -> Response:
            view = views.read(request.query_params, kind, request.path_params.get("item", ""))
            return await self._page(request, view, self._told.pop(request.query_params.get("told", ""), Told()))

        return shown

    async def _page(self, request: Request, view: View, told: Told) -> Response:
        self._hub.begin()
        try:
            followed = await self._hub.follow(view, anew=True)
        except NbqueueError as error:
            return self._sorry(request, view, of_error(error).status, sentence_of(error), told)
        except TooMuch:
            return self._sorry(
                request, view, 503, "Too many jobs are open in browsers: close some of these pages.", told
            )
        await self._hub.first()
        odd = views.odd(request.query_params) if view.kind in (Kind.BOARD, Kind.GROUP) else ()
        parts = await self._drawing.parts(view, followed)
        return HTMLResponse(self._drawing.page(
            f"{view.kind}.html", parts=parts, view=view, told=told, up=_up(view), odd=odd,
            facts=self._hub.facts, **_caller(request),
        ))  # fmt: skip

    def _sorry(self, request: Request, view: View, status: int, sentence: str, told: Told) -> Response:
        away = status == 503  # noqa: PLR2004
        page = self._drawing.page(
            "sorry.html", view=view, up=_up(view), title="Not to be seen now" if away else "Not here", again=away,
            sentence=sentence, told=told, **_caller(request),
        )  # fmt: skip
        return HTMLResponse(page, status)

    async def _live(self, request: Request) -> Response:
        view = _view_at(request.query_params.get("at", ""))
        try:
            followed = await self._hub.follow(view)
        except JobLost:
            # whoever reconnects finds nothing, and tries no more
            return Response(status_code=204)
        except (NbqueueError, TooMuch):
            followed = None
            if view.kind in (Kind.JOB, Kind.GROUP):
                return Response(status_code=503)
        ends_at = asyncio.get_running_loop().time() + LONGEST_S
        return StreamingResponse(
            self._changes(view, followed, ends_at), media_type=STREAM_TYPE, headers={"X-Accel-Buffering": "no"}
        )

    async def _changes(self, view: View, followed: Any, ends_at: float) -> AsyncIterator[str]:
        """What changed on a page, each time that something did; the first time all of it. Then a word to come again."""
        loop = asyncio.get_running_loop()
        with self._hub.watching(view):
            await self._hub.first()
            sent: dict[str, str] = {}
            turn = -1
            yield "retry: 2000\n\n"
            while loop.time() < ends_at:
                parts = await self._drawing.parts(view, followed)
                changed = {name: html for name, html in parts.items() if sent.get(name) != html}
                sent |= changed
                yield f"data: {json.dumps(changed)}\n\n"
                turn = await self._hub.turned_after(self._hub.turn if turn < 0 else turn, BEAT_S)
            yield "event: again\ndata: {}\n\n"

    async def _matching(self, request: Request) -> Response:
        """How many jobs "all that match" are."""
        count = await acting.count(self._hub, _view_at(request.query_params.get("at", "")))
        return JsonAnswer({"jobs": f"{count:,}"})

    async def _act(self, request: Request) -> Response:
        pairs = body.pairs(await request.body(), MOST_FIELDS)
        wish = _wish(pairs)
        if wish.needs_sure:
            page = self._drawing.page(
                "sure.html", wish=await acting.with_count(self._hub, wish), up="", told=Told(),
                pairs=[pair for pair in pairs if pair[0] != "csrf_token"], back=_address(wish.view), view=wish.view,
                **_caller(request),
            )  # fmt: skip
            return HTMLResponse(page)
        told = await acting.act(self._hub, wish)
        if "application/json" in request.headers.get("accept", ""):
            return JsonAnswer({"said": told.said, **({"job": told.job} if told.job else {})})
        self._hub.begin()
        await self._hub.seen_anew()
        key = secrets.token_urlsafe(8)
        self._told[key] = told
        while len(self._told) > TOLD:
            del self._told[next(iter(self._told))]
        back = _address(wish.view)
        return RedirectResponse(f"{back}{'&' if '?' in back else '?'}told={key}", 303)


def pages_of(of: Session, *, read_only: bool) -> Sequence[BaseRoute]:
    """The pages of the server that a session goes by."""
    settings = of.settings
    place = "local stack" if settings.url is None else str(parse_url(settings.url))
    place += f", namespace {settings.namespace}" if settings.namespace else ""

    def is_up() -> bool:
        return settings.url is not None or stack.server_is_up(settings)

    return Pages(of, place=place, is_up=is_up, when_down=NOT_RUNNING, read_only=read_only).routes()


def _wish(pairs: Sequence[tuple[str, str]]) -> Wish:
    fields: Mapping[str, str] = dict(pairs)
    verb, _, name = fields.get("do", "").partition(":")
    view = _view_at(fields.get("back", ""))
    rows = tuple(dict.fromkeys(value for field, value in pairs if field == "job" and value))
    is_this = name == THIS
    return Wish(
        verb=verb, name="" if is_this else name, rows=(_row_of(view),) if is_this else rows,
        matching=fields.get("matching") == "1" and not is_this, sure=fields.get("sure") == "1", view=view,
    )  # fmt: skip


def _row_of(view: View) -> str:
    """The name of the row that the job or group of a page has in a table."""
    return f"{GROUP}{view.id}" if view.kind is Kind.GROUP else view.id


def _view_at(address: str) -> View:
    """The page at an address that pages of ours name themselves by: no other is looked at."""
    parts = urlsplit(address if "//" not in address else "")
    match = _PLACES.match(parts.path)
    query = dict(parse_qsl(parts.query))
    if match is None or not match[2]:
        return views.read(query, _KINDS.get(parts.path if match else "", Kind.BOARD))
    return views.read(query, Kind.JOB if match[2] == "jobs" else Kind.GROUP, unquote(match[3]))


def _address(view: View) -> str:
    """Where a page is, seen from the first one."""
    path = {Kind.JOB: f"jobs/{quote(view.id, safe='')}", Kind.GROUP: f"groups/{quote(view.id, safe='')}"}.get(
        view.kind, "./" if view.kind is Kind.BOARD else view.kind.value
    )
    query = views.query_of(view.choice, page=view.choice.page)
    return path + (query if len(query) > 1 else "")


def _up(view: View) -> str:
    """The way from a page to the first one; proxies may put any path before all of them."""
    return "../" if view.kind in (Kind.JOB, Kind.GROUP) else ""


def _caller(request: Request) -> Mapping[str, object]:
    """What pages know of who has asked for them: what their forms need, and whether there is a login to end."""
    state = request.state
    return {"csrf": getattr(state, "csrf_token", ""), "logged_in": getattr(state, "logged_in", False)}
