"""How a browser gets its cookie: a form that takes the token, and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from nbqueue.web import body, wanted
from nbqueue.web.config import MOST_LOGIN_FIELDS
from nbqueue.web.cookies import give_cookie
from nbqueue.web.guard import LOGIN, LOGOUT
from nbqueue.web.plain_page import page, root_of, up_of

_FORM = """{note}
<form method="post" action="{action}">
<input type="hidden" name="to" value="{to}">
<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Log in</button></form>
<p>{hint}</p>"""

_USED = "This link was used already, or is of another start of the server: it logs one browser in, once."


def routes() -> Sequence[Route]:
    """The paths of logging in and out."""
    return [
        Route(LOGIN, _form, methods=["GET"]),
        Route(LOGIN, _log_in, methods=["POST"]),
        Route(LOGOUT, _log_out, methods=["POST"]),
    ]


def form(request: Request, status: int = 200, note: str = "", to: str = "/") -> Response:
    """The form; `to` is the page that it leads to."""
    action = f"{up_of(request)}{LOGIN[1:]}"
    told = f"<p>{escape(note)}</p>" if note else ""
    hint = escape(request.state.config.login_hint)
    return page(request, "nbqueue", _FORM.format(action=action, note=told, to=escape(to), hint=hint), status)


async def _form(request: Request) -> Response:
    note = _USED if wanted.USED in request.query_params else ""
    return form(request, note=note, to=wanted.inside(request.query_params.get(wanted.FIELD, "/")))


async def _log_in(request: Request) -> Response:
    fields = body.fields(await request.body(), MOST_LOGIN_FIELDS)
    given = fields.get("token", [""])[0].strip()
    to = wanted.inside(fields.get(wanted.FIELD, ["/"])[0])
    if not request.state.identity.is_token(given):
        return form(request, 401, "This is not the token of this server.", to)
    found = RedirectResponse(f"{up_of(request)}{to[1:]}", 303)
    give_cookie(found, request.state.config, request.state.identity, request.scope)
    return found


async def _log_out(request: Request) -> Response:
    found = RedirectResponse(f"{up_of(request)}{LOGIN[1:]}", 303)
    found.delete_cookie(request.state.config.cookie_name, path=f"{root_of(request)}/")
    return found
