"""Bodies of requests: plain JSON that means one thing, or refused in a sentence."""

import pytest

from tests.web.raw import SUBMIT, cookie_of, request, status
from tests.web.running import Web


def test_what_is_not_json_is_refused_with_the_token_too(web: Web) -> None:
    """Text and forms are no bodies of the API."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml"):
        found = web.ask("POST", "/api/v1/jobs", body=SUBMIT, headers={"Content-Type": kind})
        assert (found.status, found.detail.startswith("The body came as")) == (415, True)


@pytest.mark.parametrize(
    ("kind", "packed", "status"),
    [("application/json; charset=utf-16", "", 415), ("application/json", "gzip", 415),
     ('Application/JSON; Charset="UTF-8"', "identity", 202)],
)  # fmt: skip
def test_a_body_is_what_it_says_it_is(web: Web, kind: str, packed: str, status: int) -> None:
    """Another encoding is refused, and not passed over."""
    headers = {"Content-Type": kind, **({"Content-Encoding": packed} if packed else {})}
    assert web.ask("POST", "/api/v1/jobs", body=SUBMIT, headers=headers).status == status


@pytest.mark.parametrize(
    ("body", "why"),
    [('{"function": "add", "args": [1e999]}', "1e999 is larger than any number here"),
     ('{"function": "add", "args": [NaN]}', "NaN is no number in JSON"),
     ('{"function": "add", "args": [1], "kwargs": {"a": 1, "a": 2}}', "it has 'a' more than once in one object"),
     ('{"function": "add", "function": "echo"}', "it has 'function' more than once in one object")],
)  # fmt: skip
def test_json_that_can_mean_two_things_is_refused(web: Web, body: str, why: str) -> None:
    """Numbers that are none, and members that come twice, are told; nothing is submitted."""
    found = web.ask("POST", "/api/v1/jobs", body=body.encode(), headers={"Content-Type": "application/json"})
    assert (found.status, found.detail) == (400, f"The body is no JSON that can be read: {why}.")


def test_a_login_takes_little(web: Web) -> None:
    """Anybody may send one: what is larger or has more fields than a form of ours is refused before it is read."""
    form = "Content-Type: application/x-www-form-urlencoded"
    large = web.raw(request("POST /login", form, "Content-Length: 174000"))
    many = web.raw(request("POST /login", form, body=b"a=%41&" * 1000))
    assert (status(large), b"The body is too large: 16,384 bytes are the most." in large) == (413, True)
    assert (status(many), b"The form has too many fields: 20 are the most." in many) == (413, True)
    endless = request("POST /login", form, "Transfer-Encoding: chunked")
    assert status(web.raw(endless + b"5000\r\n" + b"x" * 0x5000 + b"\r\n")) == 413
    headers = [f"Cookie: {cookie_of(web)}", form]
    crowd = web.raw(request("POST /api/v1/queues/calm/pause", *headers, body=b"a=1&" * 20_001))
    assert (status(crowd), b"The form has too many fields: 20,000 are the most." in crowd) == (413, True)
