"""What every request has to pass before anything else looks at it: its form, its names, who calls, and its size."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nbqueue.web import origins
from nbqueue.web.config import LARGEST_BODY_BYTES, LARGEST_HEAD_BYTES, LONGEST_URL_BYTES, MOST_HEADERS, WebConfig
from nbqueue.web.identity import COOKIE_S, Identity
from nbqueue.web.problems import Problem

logger = logging.getLogger("nbqueue.web")

#: methods that change nothing
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: paths that need no token; what lies under the last one is the look of pages
HEALTH, LOGIN, LOGOUT, METRICS, STATIC = "/healthz", "/login", "/logout", "/metrics", "/static/"
#: where programs call, which get no cookies
API = "/api/"
#: where the buttons of pages call: a proxy adds its token to whatever a browser sends, so that one is no proof here
ACT = "/act"
#: where forms have what other sites cannot know, and scripts
CSRF_FIELD, CSRF_HEADER = "csrf_token", "x-csrf-token"
FORM_TYPE = "application/x-www-form-urlencoded"
#: on every answer
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # with "no-referrer" browsers send forms of our own pages with Origin: null
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the guard sees it."""

    scope: Scope
    headers: Headers
    #: the path without what a proxy took away
    path: str

    @property
    def method(self) -> str:
        """Its method."""
        return str(self.scope["method"])

    @property
    def query(self) -> str:
        """Its query as it came."""
        return bytes(self.scope["query_string"]).decode("latin-1")

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in SAFE


class Guard:
    """The outermost application: refuses, or passes a request on with its body, and seals every answer."""

    def __init__(self, app: ASGIApp, config: WebConfig) -> None:
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
        call = Call(scope, Headers(scope=scope), _path(scope))
        sealed = _Sealed(send, call)
        try:
            await self._pass(call, receive, sealed)
        except Problem as refused:
            if refused.status == 401 and not call.path.startswith(API) and origins.is_visit(call.scope):  # noqa: PLR2004
                login = f"{scope.get('root_path', '')}{LOGIN}"
                await RedirectResponse(login, 303)(scope, receive, sealed)
                return
            headers = {**refused.headers, **({"connection": "close"} if call.changes else {})}
            await Problem(refused.status, refused.detail, headers=headers).answer()(scope, receive, sealed)
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
            body = await _read(call, receive, self._config.request_timeout_s)
            if cookie or call.path == ACT:
                self._check_csrf(call, shown, body)
            receive = _again(body, receive)
        call.scope.setdefault("state", {}).update(
            csrf_token=self._identity.csrf(shown) if shown else "", logged_in=bool(cookie), identity=self._identity,
            config=self._config,
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
            parts = urlsplit(call.headers["referer"])
            origin = [f"{parts.scheme}://{parts.netloc}"]
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
        if not self._identity.is_login(given[0]) and not self._cookie_of(call):
            raise _unknown_caller()
        rest = urlencode([(name, value) for name, value in pairs if name != "token"])
        root = str(call.scope.get("root_path", ""))
        target = "/" if call.path == LOGIN else call.path
        found = RedirectResponse(f"{root}{target}{'?' if rest else ''}{rest}", 303)
        give_cookie(found, self._config, self._identity, call.scope)
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
        cookies = _cookies(call.headers.getlist("cookie"), self._config.cookie_name)
        return next(filter(self._identity.is_cookie, cookies), "")

    def _check_csrf(self, call: Call, shown: str, body: bytes) -> None:
        """Browsers send cookies, and proxies their token, whoever asks: a change needs what only our pages know."""
        given = call.headers.get(CSRF_HEADER, "")
        if not given and call.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_TYPE:
            given = parse_qs(body.decode("latin-1")).get(CSRF_FIELD, [""])[0]
        if not self._identity.is_csrf(given, shown):
            raise Problem(
                403, "This request has no CSRF token of this server: send it from a page of this server, or to /api "
                "with a bearer token."
            )  # fmt: skip


def give_cookie(answer: Response, config: WebConfig, identity: Identity, scope: Scope) -> None:
    """Let an answer bring the cookie of one who has shown the token."""
    answer.set_cookie(
        config.cookie_name, identity.new_cookie(), max_age=COOKIE_S, path=f"{scope.get('root_path', '')}/",
        secure=scope.get("scheme") == "https", httponly=True, samesite="strict",
    )  # fmt: skip


def _unknown_caller() -> Problem:
    return Problem(
        401, "This needs the token of this server: send it as `Authorization: Bearer TOKEN`, or log in at /login.",
        headers={"www-authenticate": 'Bearer realm="nbqueue"'},
    )  # fmt: skip


def _path(scope: Scope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _cookies(lines: Iterable[str], name: str) -> Iterable[str]:
    for line in lines:
        try:
            morsel = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if morsel is not None:
            yield morsel.value


async def _read(call: Call, receive: Receive, timeout_s: float) -> bytes:
    """The whole body, which may neither be too large nor take too long."""
    declared = call.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > LARGEST_BODY_BYTES:
        raise _too_large()
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(timeout_s):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "The caller left before the body had come.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > LARGEST_BODY_BYTES:
                    raise _too_large()
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(408, f"The body did not come within {timeout_s:g} s: send it at once.") from None
    return b"".join(parts)


def _too_large() -> Problem:
    return Problem(
        413, f"The body is too large: {LARGEST_BODY_BYTES:,} bytes are the most. Send a path or an address of the data."
    )


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read, and then what comes after it."""
    ready: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return ready.pop() if ready else await receive()

    return received


class _Sealed:
    """Sends an answer with the headers of all, and notes how it went."""

    def __init__(self, send: Send, call: Call) -> None:
        self._send = send
        self._call = call
        self._began = time.monotonic()
        self._status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    def log(self) -> None:
        """One line of the log: never the query, which may hold a token."""
        raw: Any = self._call.scope.get("raw_path") or b""
        path = ascii(bytes(raw).decode("latin-1"))[1:-1]
        took_ms = (time.monotonic() - self._began) * 1000
        logger.info("%s %s %s in %.0f ms", self._call.method[:16], path[:200], self._status or "-", took_ms)
