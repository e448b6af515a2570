"""What one web server was told: who may call it, under which names it is known, what it lets callers do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

#: bytes of a path with its query, of a request's line and headers, and of its body
LONGEST_URL_BYTES, LARGEST_HEAD_BYTES, LARGEST_BODY_BYTES = 8_192, 32_768, 1_048_576
#: headers of a request
MOST_HEADERS = 100
#: bytes and fields of the login form, which anybody may send, and fields of any other form
LARGEST_LOGIN_BYTES, MOST_LOGIN_FIELDS, MOST_FIELDS = 16_384, 20, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The settings of one web server. Nothing of its repr is secret."""

    #: what callers show, as a bearer token or at the login form
    token: str = field(repr=False)
    #: what the login form says of where the token is
    login_hint: str = "It is in the file that nbqueue web names when it starts."
    #: the address it listens on
    host: str = "127.0.0.1"
    #: the port it listens on
    port: int = 8080
    #: a Unix socket to listen on instead: nobody but its owner reaches it, whatever it is called
    socket: Path | None = None
    #: a token that logs one browser in, once; empty: there is none
    login_once: str = field(default="", repr=False)
    #: names that it is called by besides this machine's own: "queue.example", or "queue.example:8443"
    allow_hosts: tuple[str, ...] = ()
    #: the path that a proxy before it takes away, such as "/queue"
    root_path: str = ""
    #: whether nothing can be changed through it
    read_only: bool = False
    #: a request's headers have come within so many seconds, and then its body
    request_timeout_s: float = 15.0
    #: whether /metrics needs no token
    metrics_open: bool = False

    @property
    def cookie_name(self) -> str:
        """The name of its cookie: of its own, as browsers send cookies of a host to all of its ports."""
        return f"nbqueue-{self.port}"
