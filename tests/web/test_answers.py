"""Answers whose form is one of HTTP's own: files, heads of streams, forms of many fields, and lines of the log."""

import json
import re
from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.waiting import wait_until
from tests.web.raw import BEARER, cookie_of, request
from tests.web.running import Web, running_web


@pytest.fixture(scope="module")
def web(base: Settings) -> Iterator[Web]:
    """A web server whose log is JSON."""
    with running_web(base, "--log-format", "json") as web:
        yield web


@pytest.mark.parametrize(
    ("name", "kind"),
    [("board.css", "text/css; charset=utf-8"), ("live.js", "text/javascript; charset=utf-8"),
     ("icon.svg", "image/svg+xml")],
)  # fmt: skip
def test_a_file_is_answered_whole_or_as_known(web: Web, name: str, kind: str) -> None:
    """A file has its type and a tag; who has it by that tag gets no body, and who asks for its head gets its size."""
    path = f"/static/{name}"
    found = web.get(path, token=None)
    head = web.ask("HEAD", path, token=None)
    assert (found.status, found.headers["content-type"]) == (200, kind)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(found.body)))
    tag = found.headers["etag"]
    for known in (tag, f'W/{tag}, "another"', "*"):
        same = web.get(path, token=None, headers={"If-None-Match": known})
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", tag)
    changed = web.get(path, token=None, headers={"If-None-Match": '"another"', "Range": "bytes=0-3"})
    assert (changed.status, changed.body) == (200, found.body)


def test_a_file_that_is_not_there_is_not_found(web: Web) -> None:
    """Neither a folder nor another name leads anywhere, and no file can be changed."""
    for path in ("/static/", "/static/nothing.css", "/static/board.css/x"):
        assert web.get(path, token=None).status == 404
    refused = web.post("/static/board.css", {})
    assert refused.status == 403 or (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/live?at=", "/api/v1/events", "/api/v1/jobs/any/events"])
def test_a_stream_has_no_head(web: Web, path: str) -> None:
    """Whoever asks for the head of a stream, which would never end, is told at once what can be asked for."""
    answer = web.raw(request(f"HEAD {path}", BEARER))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert re.findall(rb"(?m)^allow: (.*)\r$", answer) == [b"GET"]


def test_a_form_of_too_many_fields_is_refused(web: Web) -> None:
    """One with more rows than a page can have is told so in a sentence."""
    cookie = cookie_of(web)
    page = web.get("/", token=None, headers={"Cookie": cookie}).body.decode()
    [csrf] = set(re.findall(r'csrf_token" value="(\w+)"', page))
    form = {"Cookie": cookie, "X-CSRF-Token": csrf, "Content-Type": "application/x-www-form-urlencoded"}
    body = f"do=Delete{'&job=a' * 20_000}".encode()
    refused = web.ask("POST", "/act", token=None, body=body, headers=form)
    assert (refused.status, refused.detail) == (
        413, "The form has too many fields: 20,000 are the most.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [("203.0.113.9", "203.0.113.9"), ("2001:db8::9", "2001:db8::9"), ("x" * 20_000, "127.0.0.1"),
     ("fe80::1%" + "x" * 20_000, "fe80::1"), ('","level":"error', "127.0.0.1"), ("queue.example:80", "127.0.0.1"),
     ("unknown", "127.0.0.1")],
)  # fmt: skip
def test_the_log_names_callers_by_address(web: Web, forwarded: str, client: str) -> None:
    """What a proxy says of who called is logged where it is an address; else it is whom the connection came from."""
    before = len(web.lines)
    web.raw(request("GET /login", f"X-Forwarded-For: {forwarded}"))
    line = json.loads(wait_until(lambda: web.lines[before:], 10)[0])
    assert (line["path"], line["client"]) == ("/login", client)
