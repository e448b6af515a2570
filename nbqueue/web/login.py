"""How a browser gets its cookie: a form that takes the token, and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from nbqueue.web.cookies import give_cookie
from nbqueue.web.guard import LOGIN, LOGOUT

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>nbqueue</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="{root}/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{root}/static/board.css"></head>
<body><main class="login"><h1>nbqueue</h1>{note}
<form method="post" action="{action}">
<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Log in</button></form>
<p>{where}</p></main></body></html>"""


def routes() -> Sequence[Route]:
    """The paths of logging in and out."""
    return [
        Route(LOGIN, _form, methods=["GET"]),
        Route(LOGIN, _log_in, methods=["POST"]),
        Route(LOGOUT, _log_out, methods=["POST"]),
    ]


def form(request: Request, status: int = 200, note: str = "") -> Response:
    """The form."""
    root = escape(request.scope.get("root_path", ""))
    action = f"{root}{LOGIN}"
    return HTMLResponse(
        _PAGE.format(
            root=root,
            action=action,
            where=escape(request.state.config.login_hint),
            note=f"<p>{escape(note)}</p>" if note else "",
        ),
        status,
    )


async def _form(request: Request) -> Response:
    return form(request)


async def _log_in(request: Request) -> Response:
    given = parse_qs((await request.body()).decode("latin-1")).get("token", [""])[0].strip()
    if not request.state.identity.is_token(given):
        return form(request, 401, "This is not the token of this server.")
    found = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
    give_cookie(found, request.state.config, request.state.identity, request.scope)
    return found


async def _log_out(request: Request) -> Response:
    root = request.scope.get("root_path", "")
    found = RedirectResponse(f"{root}{LOGIN}", 303)
    found.delete_cookie(request.state.config.cookie_name, path=f"{root}/")
    return found
