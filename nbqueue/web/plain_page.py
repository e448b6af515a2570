"""Pages that stand for themselves: they know nothing of the queue."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nbqueue.web.call import call_of, up

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>nbqueue</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="{up}static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{up}static/board.css"></head>
<body>{head}<main class="login"><h1>{title}</h1>{content}</main></body></html>"""

_HEAD = """<header><a class="brand" href="{up}"><img src="{up}static/icon.svg" alt="" width="22" height="22">nbqueue</a>
<nav aria-label="Pages"><a href="{up}">Overview</a> <a href="{up}failures">Failures</a>
<a href="{up}schedules">Schedules</a></nav></header>"""


def page(request: Request, title: str, content: str, status: int = 200, *, head: str = "") -> Response:
    """A page with this content, which is HTML already, and this head above it."""
    return HTMLResponse(_PAGE.format(up=up_of(request), title=escape(title), content=content, head=head), status)


def nowhere(request: Request) -> Response:
    """There is no such page."""
    home = up_of(request)
    return page(
        request,
        "Not here",
        f'<p>There is no such page. <a href="{home}">To the overview</a></p>',
        404,
        head=_HEAD.format(up=home),
    )


def up_of(request: Request) -> str:
    """The way from the page that is asked for to the first one."""
    return up(call_of(request.scope).path)


def root_of(request: Request) -> str:
    """The path that a proxy puts before all of ours."""
    return str(request.scope.get("root_path", ""))
