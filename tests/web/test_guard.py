"""What the web server refuses, asked by raw sockets, as attackers and browsers of other sites do."""

import json
import socket
import time
from contextlib import ExitStack, suppress

import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings
from nbqueue.web.config import WebConfig
from nbqueue.web.guard import Guard
from nbqueue.web.origins import check_name
from nbqueue.web.sealed import HEADERS
from nbqueue.web.server import MOST_CONNECTIONS
from tests.waiting import SLACK, wait_until
from tests.web.raw import BEARER, SUBMIT, cookie_of, queued, request, status
from tests.web.running import TOKEN, Web, peak_bytes, read_all, running_web


@pytest.mark.parametrize(
    "shown",
    ["", "Authorization: Bearer", f"Authorization: Bearer {TOKEN[:-1]}", f"Authorization: Bearer {TOKEN}x",
     f"Authorization: Basic {TOKEN}", f"Authorization: {TOKEN}", "Authorization: Bearer \xe9\xff",
     f"Cookie: token={TOKEN}", f"X-Token: {TOKEN}"],
)  # fmt: skip
@pytest.mark.parametrize("line", ["GET /api/v1/jobs", "POST /api/v1/jobs", "GET /", "GET /nothing", "GET /metrics"])
def test_the_wrong_token_opens_nothing(web: Web, line: str, shown: str) -> None:
    """Without the whole token every path is 401, whether there is something or not."""
    body = SUBMIT if line.startswith("POST") else b""
    assert status(web.raw(request(line, *([shown] if shown else []), body=body))) == 401


@pytest.mark.parametrize(
    "headers",
    [["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="],
     ["Upgrade: websocket", "Connection: Upgrade", "Origin: http://evil.example"]],
)  # fmt: skip
def test_a_websocket_is_not_opened(web: Web, headers: list[str]) -> None:
    """A page that tries a WebSocket gets no further than any other caller."""
    assert status(web.raw(request("GET /api/v1/events", *headers))) in {401, 403}


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("evil.example", []), ("evil.example:80", []), ("", []), ("localhost.evil.example", []),
        ("127.0.0.1.nip.io", []), ("localhost, evil.example", []), ("localhost", ["Host: evil.example"]),
        ("[::ffff:7f00:1]", []), ("a b", []),
        ("localhost", ["Origin: http://evil.example"]), ("localhost", ["Origin: null"]),
        ("localhost", ["Origin: http://localhost.evil.example"]), ("localhost", ["Origin: http://localhost:1"]),
        ("localhost", ["Origin: http://localhost@evil.example"]), ("localhost", ["Origin: file://"]),
        ("localhost", ["Origin: http://localhost", "Origin: http://evil.example"]),
        ("localhost", ["Referer: http://evil.example/localhost"]), ("localhost", ["Referer: garbage"]),
        ("localhost", ["Referer: http://["]), ("localhost", ["Referer: http://[::1"]), ("localhost", ["Origin: http://["]),
        ("localhost", ["Sec-Fetch-Site: cross-site"]), ("localhost", ["Sec-Fetch-Site: same-site"]),
    ],
)  # fmt: skip
def test_other_names_and_other_pages_change_nothing(web: Web, host: str, headers: list[str]) -> None:
    """A foreign Host, Origin or Referer is refused before anything is changed, even with the token."""
    before = queued(web)
    json_type = "Content-Type: application/json"
    answer = web.raw(request("POST /api/v1/jobs", BEARER, json_type, *headers, body=SUBMIT, host=host))
    assert status(answer) in {400, 403}
    assert queued(web) == before


def test_a_page_that_cannot_be_read_is_foreign(web: Web) -> None:
    """Whoever has no token learns no more by a broken Referer than by any: 403, sealed, and nothing in the log."""
    answer = web.raw(request("POST /api/v1/jobs", "Referer: http://[", body=SUBMIT))
    assert (status(answer), b"content-security-policy" in answer, b"another site" in answer) == (403, True, True)
    assert "Traceback" not in web.log


async def test_whatever_goes_wrong_is_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A fault below the guard is a problem document with the headers of all; one in an answer ends that answer."""

    async def told_of(*messages: Message) -> list[Message]:
        sent: list[Message] = []

        async def app(_: Scope, __: Receive, send: Send) -> None:
            for message in messages:
                await send(message)
            raise ValueError("broken")

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/login", "raw_path": b"/login", "query_string": b"",
                 "headers": [(b"host", b"localhost")]}  # fmt: skip
        await Guard(app, WebConfig(token=TOKEN))(scope, receive, send)
        return sent

    begun, rest = await told_of()
    assert (begun["status"], HEADERS.items() <= dict(Headers(raw=begun["headers"])).items()) == (500, True)
    assert json.loads(rest["body"])["detail"] == "This went wrong within the web server: its log says what."
    start = {"type": "http.response.start", "status": 200, "headers": []}
    assert [each["type"] for each in await told_of(start)] == ["http.response.start"]
    assert [each.message for each in caplog.records if each.exc_info] == ["a fault of the web server"] * 2


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example"])
def test_a_name_that_was_rebound_reads_nothing(web: Web, host: str) -> None:
    """Reading by a foreign name is refused too, and so is a foreign Origin."""
    assert status(web.raw(request("GET /api/v1/jobs", BEARER, host=host))) == 403
    assert status(web.raw(request("GET /api/v1/jobs", BEARER, f"Origin: http://{host}"))) == 403
    assert status(web.raw(request("GET /api/v1/jobs", BEARER, "Referer: http://wiki.example/"))) == 200


def test_the_own_names_are_known(web: Web) -> None:
    """By each of its own names, on whatever port, it answers; a page of its own may call."""
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8080", f"127.0.0.1:{web.port}"):
        assert status(web.raw(request("GET /api/v1/jobs", BEARER, host=host))) == 200
    own = request(
        "POST /api/v1/queues/q/pause", BEARER, f"Origin: http://127.0.0.1:{web.port}", host=f"127.0.0.1:{web.port}"
    )
    assert status(web.raw(own)) == 200


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/json", b"{}"), ("text/plain", b"{}"), ("application/x-www-form-urlencoded", b"a=b"),
     ("application/x-www-form-urlencoded", b"csrf_token=" + b"0" * 64), ("multipart/form-data; boundary=x", b"--x--")],
)  # fmt: skip
def test_a_form_of_another_site_changes_nothing(web: Web, method: str, kind: str, body: bytes) -> None:
    """What a browser sends with its cookie alone is refused, whatever its type; a GET changes nothing."""
    web.post("/api/v1/queues/calm/resume")
    headers = [f"Cookie: {cookie_of(web)}", f"Content-Type: {kind}"]
    answer = web.raw(request(f"{method} /api/v1/queues/calm/pause", *headers, body=body))
    assert status(answer) == (403 if method == "POST" else 405)
    assert web.post("/api/v1/queues/calm/resume").json["paused"] is False


@pytest.mark.parametrize(
    "path",
    ["/../etc/passwd", "/static/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//evil.example/", "//etc/passwd",
     "/api/v1//jobs", "/static/..%2f..%2fetc/passwd", "/static/%5c..%5c", "/api/v1/jobs/%00", "/api/v1/jobs/a%0d%0ab",
     "/./api/v1/jobs", "/api/v1/jobs/", "/api/v1/jobs/%2e%2e/queues"],
)  # fmt: skip
def test_odd_paths_lead_nowhere(web: Web, path: str) -> None:
    """Paths that climb, hide slashes or hold control characters are not found; none is a redirect."""
    assert status(web.raw(request(f"GET {path}", BEARER))) == 404


def test_too_much_is_refused_by_its_size(web: Web) -> None:
    """Long addresses, large headers and large bodies each have their status, and hold nothing up."""
    assert status(web.raw(request(f"GET /api/v1/jobs?tag={'x' * 9000}", BEARER))) == 414
    assert status(web.raw(request("GET /api/v1/jobs", BEARER, f"X: {'x' * 40_000}"))) == 431
    assert status(web.raw(request("GET /api/v1/jobs", BEARER, *(f"X{n}: {'x' * 100}" for n in range(500))))) == 431
    assert status(web.raw(b"GARBAGE\r\n\r\n")) == 400
    assert status(web.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))) == 400
    assert web.get("/healthz", token=None).status == 200


def test_bombs_are_refused_before_they_are_held(web: Web) -> None:
    """What declares gigabytes, never ends, is deep, or is a number of a million digits costs the server little."""
    before = peak_bytes(web)
    json_type = "Content-Type: application/json"
    assert status(web.raw(request("POST /api/v1/jobs", BEARER, json_type, "Content-Length: 10000000000"))) == 413
    endless = request("POST /api/v1/jobs", BEARER, json_type, "Transfer-Encoding: chunked")
    assert status(web.raw(endless + b"100000\r\n" + b"x" * 0x100000 + b"\r\n" + b"100000\r\n" + b"x" * 0x100000)) == 413
    for body in (b"[" * 100_000, b'{"a":' * 100_000, b'{"function": "add", "args": [' + b"9" * 900_000 + b"]}",
                 b'{"function":"add","args":' + b"[" * 200 + b"]" * 200 + b"}", b"\xff\xfe", b"NaN", b""):  # fmt: skip
        assert web.ask("POST", "/api/v1/jobs", body=body, headers={"Content-Type": "application/json"}).status == 400
    zipped = web.ask("POST", "/api/v1/jobs", body=b"\x1f\x8b" + bytes(1000),
                     headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})  # fmt: skip
    assert zipped.status == 415
    assert peak_bytes(web) - before < 100e6


def test_every_answer_is_sealed(web: Web) -> None:
    """Answers of all kinds tell browsers to run nothing from elsewhere, keep nothing and guess nothing."""
    for path, token in (
        ("/healthz", None),
        ("/login", None),
        ("/api/v1/jobs", TOKEN),
        ("/api/v1/jobs", None),
        ("/no", TOKEN),
    ):
        found = web.get(path, token=token)
        assert {name: found.headers.get(name) for name in HEADERS} == dict(HEADERS)
        assert "server" not in found.headers
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_a_viewer_changes_nothing(base: Settings) -> None:
    """With --read-only everything is shown, and whatever would change something is refused in a sentence."""
    with running_web(base, "--read-only") as web:
        refused = [("POST", "/api/v1/jobs"), ("POST", "/api/v1/execute"), ("POST", "/api/v1/queues/q/pause"),
                   ("DELETE", "/api/v1/jobs/x"), ("PUT", "/api/v1/queues/q/limits")]  # fmt: skip
        for method, path in refused:
            found = web.ask(method, path, json_body={})
            assert (found.status, found.detail) == (
                403, "This server was started with --read-only: it shows everything and changes nothing."
            )  # fmt: skip
        assert web.get("/api/v1/jobs").status == 200
        assert cookie_of(web)


def test_who_sends_slowly_loses_the_connection(base: Settings) -> None:
    """Headers and bodies that drip in are waited for so long and no longer; others are answered meanwhile."""
    with running_web(base, "--request-timeout", "0.6") as web:
        began = time.monotonic()
        silent, drips, body = (socket.create_connection(("127.0.0.1", web.port)) for _ in range(3))
        with silent, drips, body:
            drips.sendall(b"GET /api/v1/jobs HTTP/1.1\r\n")
            body.sendall(request("POST /api/v1/jobs", BEARER, "Content-Type: application/json", "Content-Length: 99"))
            for _ in range(3):
                assert web.get("/healthz", token=None).status == 200
                with suppress(OSError):  # a busy machine may have come to their end
                    drips.sendall(b"X: y\r\n")
                    body.sendall(b" ")
            assert (read_all(silent), read_all(drips), status(read_all(body))) == (b"", b"", 408)
        assert time.monotonic() - began < 5 * SLACK
        with web.connection() as kept:
            # a second request on a connection that was used well gets no more time
            kept.sendall(request("GET /healthz").replace(b"Connection: close\r\n", b""))
            received = b""
            while b'"ok"}' not in received:
                received += kept.recv(65_536)
            kept.sendall(b"GET /heal")
            assert read_all(kept) == b""


def test_names_that_were_allowed_are_known(base: Settings) -> None:
    """A server behind a proxy answers to the names it was given, and to their pages."""
    with running_web(base, "--allow-host", "queue.example", "--root-path", "/q") as web:
        paused = ("POST /api/v1/queues/q/pause", BEARER)
        assert status(web.raw(request(*paused, "Origin: https://queue.example", host="queue.example"))) == 200
        assert status(web.raw(request(*paused, "Origin: https://queue.example", host="127.0.0.1"))) == 200
        assert status(web.raw(request(*paused, "Origin: https://queue.example:9", host="127.0.0.1"))) == 403
        assert status(web.raw(request(*paused, "Origin: https://other.example", host="queue.example"))) == 403
        sent = web.post("/api/v1/jobs", {"function": "add"}, headers={"Host": "queue.example"})
        assert sent.headers["location"].startswith("/q/api/v1/jobs/")
        assert json.loads(web.get("/api/v1/openapi.json").body)["servers"] == [{"url": "/q"}]
        assert web.get("/login", token=None).body.count(b'action="./login"') == 1


@pytest.mark.parametrize("name", ["http://queue.example", "queue.example/path", "a b", "*.example", ""])
def test_a_name_that_no_request_has_is_refused(name: str) -> None:
    """What can match no Host header is told at the start."""
    with pytest.raises(ConfigurationError, match=r"--allow-host .* cannot be used: give a name as it stands"):
        check_name(name)
    assert check_name("[::1]:8080") == "[::1]:8080"


def test_who_is_silent_makes_room(web: Web) -> None:
    """Connections that send nothing, with or without a token, keep nobody out, however many they are."""
    with ExitStack() as many:
        many.enter_context(web.connection()).sendall(b"GET /heal")
        for _ in range(MOST_CONNECTIONS + 20):
            many.enter_context(web.connection())
        for _ in range(3):
            assert web.get("/healthz", token=None).status == 200
            assert web.get("/api/v1/jobs").status == 200
    assert "Traceback" not in web.log


def test_who_finds_all_connections_busy_is_told_so(web: Web) -> None:
    """Where a request is under way on each connection, the next callers get 503 until one has gone."""
    begun = request("POST /api/v1/jobs", BEARER, "Content-Type: application/json", "Content-Length: 99")
    with ExitStack() as many:

        def another() -> socket.socket:
            found = many.enter_context(web.connection())
            found.sendall(begun)
            return found

        def is_full() -> bool:
            # one whose request had not come yet may have made room for a later one
            another()
            return web.get("/healthz", token=None).status == 503

        busy = [another() for _ in range(MOST_CONNECTIONS)]
        wait_until(is_full, 10)
        for _ in range(3):
            found = web.get("/api/v1/jobs")
            assert (found.status, found.detail, found.headers["retry-after"], found.headers["connection"]) == (
                503, "All connections of this web server are busy: ask again soon, or start another web server.", "5",
                "close",
            )  # fmt: skip
            assert found.headers["x-content-type-options"] == "nosniff"
        for each in busy[:20]:
            each.close()
        wait_until(lambda: web.get("/api/v1/jobs").status == 200, 10)
    assert "Traceback" not in web.log
