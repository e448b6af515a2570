"""Requests as bytes, as attackers and browsers of other sites send them."""

from typing import Any

from tests.web.running import TOKEN, Web

SUBMIT = b'{"function": "add", "args": [1]}'
BEARER = f"Authorization: Bearer {TOKEN}"


def request(line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """A request as bytes; the connection is closed after it."""
    sized = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{line} HTTP/1.1", *([f"Host: {host}"] if host else []), "Connection: close", *sized, *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def status(answer: bytes) -> int:
    """The status of an answer."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def queued(web: Web) -> Any:
    """How many jobs were ever submitted: what no refused request may change."""
    return web.get("/api/v1/stats").json["jobs"]


def cookie_of(web: Web) -> str:
    """The cookie of one who has logged in."""
    found = web.ask("POST", "/login", token=None, body=f"token={TOKEN}".encode(),
                    headers={"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert (found.status, found.headers["location"]) == (303, "./")
    return found.headers["set-cookie"].partition(";")[0]
