"""What every request has to pass before anything else looks at it: its form, its names, who calls, and its size."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nbqueue.web import body, cookies, origins, wanted
from nbqueue.web.call import Call, call_of, up
from nbqueue.web.config import (
    LARGEST_BODY_BYTES,
    LARGEST_HEAD_BYTES,
    LARGEST_LOGIN_BYTES,
    LONGEST_URL_BYTES,
    MOST_FIELDS,
    MOST_HEADERS,
    WebConfig,
)
from nbqueue.web.identity import Identity
from nbqueue.web.problems import FAULT, Problem, problem
from nbqueue.web.sealed import Sealed

logger = logging.getLogger("nbqueue.web")

#: paths that need no token; what lies under the last one is the look of pages
HEALTH, LOGIN, LOGOUT, METRICS, STATIC = "/healthz", "/login", "/logout", "/metrics", "/static/"
#: where programs call, which get no cookies
API = "/api/"
#: where the buttons of pages call: a proxy adds its token to whatever a browser sends, so that one is no proof here
ACT = "/act"
#: where forms have what other sites cannot know, and scripts
CSRF_FIELD, CSRF_HEADER = "csrf_token", "x-csrf-token"
FORM_TYPE = "application/x-www-form-urlencoded"


class Guard:
    """The outermost application: refuses, or passes a request on with its body, and seals every answer."""

    def __init__(self, app: ASGIApp, config: WebConfig, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._is_stopping = is_stopping
        self._app = app
        self._config = config
        self._identity = Identity(config.token, config.login_once)
        self._names = origins.names_of(config.host, config.allow_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        call = call_of(scope)
        sealed = Sealed(send, call)
        try:
            await self._pass(call, receive, sealed)
        except Problem as refused:
            if refused.status == 401 and not call.path.startswith(API) and origins.is_visit(call.scope):  # noqa: PLR2004
                login = f"{up(call.path)}{LOGIN[1:]}{wanted.query_of(call)}"
                await RedirectResponse(login, 303)(scope, receive, sealed)
                return
            headers = {**refused.headers, **({"connection": "close"} if call.changes else {})}
            await Problem(refused.status, refused.detail, headers=headers).answer()(scope, receive, sealed)
        except Exception:
            # the last net: whatever else goes wrong is a line of the log, and an answer as any other
            logger.exception("a fault of the web server")
            if not sealed.has_begun:
                await problem(500, FAULT, headers={"connection": "close"})(scope, receive, sealed)
        finally:
            sealed.log()

    async def _pass(self, call: Call, receive: Receive, send: Send) -> None:
        self._check_form(call)
        self._check_names(call)
        if (redirect := self._exchange(call)) is not None:
            await redirect(call.scope, receive, send)
            return
        cookie = self._check_caller(call)
        shown = cookie or call.headers.get("authorization", "")
        if call.changes:
            if self._config.read_only and call.path not in (LOGIN, LOGOUT):
                raise Problem(403, "This server was started with --read-only: it shows everything and changes nothing.")
            most = LARGEST_LOGIN_BYTES if call.path == LOGIN else LARGEST_BODY_BYTES
            sent = await body.read(call, receive, self._config.request_timeout_s, most)
            if cookie or call.path == ACT:
                self._check_csrf(call, shown, sent)
            receive = body.again(sent, receive)
        call.scope.setdefault("state", {}).update(
            csrf_token=self._identity.csrf(shown) if shown else "", logged_in=bool(cookie), identity=self._identity,
            config=self._config, is_stopping=self._is_stopping,
        )  # fmt: skip
        await self._app(call.scope, receive, send)

    def _check_form(self, call: Call) -> None:
        """Refuse what is too long, and paths that no link of ours has."""
        raw = bytes(call.scope.get("raw_path") or b"")
        if len(raw) + len(call.scope["query_string"]) > LONGEST_URL_BYTES:
            raise Problem(414, f"The address is too long: {LONGEST_URL_BYTES:,} bytes are the most.")
        size = sum(len(name) + len(value) for name, value in call.scope["headers"])
        if size > LARGEST_HEAD_BYTES or len(call.scope["headers"]) > MOST_HEADERS:
            raise Problem(
                431, f"The headers are too large: {LARGEST_HEAD_BYTES:,} bytes and {MOST_HEADERS} are the most."
            )
        if origins.is_odd(call.path, raw):
            raise Problem(404, "There is nothing at this path: it has parts that no link of this server has.")

    def _check_names(self, call: Call) -> None:
        """Refuse who calls us by a name that is not ours, or from a page that is not ours."""
        hosts = call.headers.getlist("host")
        if call.path == HEALTH and not call.changes:
            return
        # no page of another site can make a browser speak to a Unix socket: what comes through it was sent by a proxy
        is_ours = self._config.socket is not None or origins.is_known("".join(hosts[:1]), self._names)
        if len(hosts) != 1 or not is_ours:
            raise Problem(
                403, f"This server is not known as {ascii(', '.join(hosts))[:100]}: call it by a name of its own, or "
                "start it with --allow-host NAME."
            )  # fmt: skip
        origin = call.headers.getlist("origin")
        if call.changes and not origin and "referer" in call.headers:
            origin = [origins.of_page(call.headers["referer"])]
        foreign = any(not origins.is_own(each, hosts[0], self._config.allow_hosts) for each in origin)
        if foreign or (call.changes and call.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")):
            raise Problem(403, "This request comes from a page of another site: use a page of this server.")

    def _exchange(self, call: Call) -> Response | None:
        """A token in the address of a page is taken out of it at once, for a cookie."""
        if call.method != "GET" or call.path.startswith(API) or "token=" not in call.query:
            return None
        pairs = parse_qsl(call.query, keep_blank_values=True)
        given = [value for name, value in pairs if name == "token"]
        if not given:
            return None
        logs_in = self._identity.is_login(given[0])
        if not logs_in and not self._cookie_of(call):
            raise _unknown_caller()
        rest = urlencode([(name, value) for name, value in pairs if name != "token"])
        target = "" if call.path == LOGIN else call.path[1:]
        found = RedirectResponse(f"{up(call.path)}{target}{'?' if rest else ''}{rest}", 303)
        # a cookie lasts from the last time that the token was shown
        if logs_in:
            cookies.give_cookie(found, self._config, self._identity, call.scope)
        return found

    def _check_caller(self, call: Call) -> str:
        """The caller's cookie, where it came with one and no token. Refuses who shows neither."""
        if call.path in (HEALTH, LOGIN) or (call.path.startswith(STATIC) and not call.changes):
            return ""
        if call.path == METRICS and self._config.metrics_open and not call.changes:
            return ""
        if (shown := call.headers.get("authorization")) is not None:
            kind, _, given = shown.partition(" ")
            if kind.lower() == "bearer" and self._identity.is_token(given.strip()):
                return ""
            raise _unknown_caller()
        if cookie := self._cookie_of(call):
            return cookie
        raise _unknown_caller()

    def _cookie_of(self, call: Call) -> str:
        """The cookie of ours that came along; empty where none did."""
        given = cookies.values_of(call.headers.getlist("cookie"), self._config.cookie_name)
        return next(filter(self._identity.is_cookie, given), "")

    def _check_csrf(self, call: Call, shown: str, sent: bytes) -> None:
        """Browsers send cookies, and proxies their token, whoever asks: a change needs what only our pages know."""
        given = call.headers.get(CSRF_HEADER, "")
        if not given and call.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_TYPE:
            given = body.fields(sent, MOST_FIELDS).get(CSRF_FIELD, [""])[0]
        if not self._identity.is_csrf(given, shown):
            raise Problem(
                403, "This request has no CSRF token of this server: send it from a page of this server, or to /api "
                "with a bearer token."
            )  # fmt: skip


def _unknown_caller() -> Problem:
    return Problem(
        401, "This needs the token of this server: send it as `Authorization: Bearer TOKEN`, or log in at /login.",
        headers={"www-authenticate": 'Bearer realm="nbqueue"'},
    )  # fmt: skip
