"""Bodies of requests: plain JSON that means one thing, or refused in a sentence."""

import pytest

from tests.web.raw import SUBMIT
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
