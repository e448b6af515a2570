"""A real HTTP or HTTPS server on the loopback, for tests: it keeps what it is sent and answers as it is told."""

import base64
import hashlib
import hmac
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

#: what a receiver does with one request
Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of its signatures fits, after the specification of Standard Webhooks."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return wanted in self.headers["webhook-signature"].split()


@dataclass
class Receiver:
    """A receiver that runs."""

    port: int
    scheme: str = "http"
    messages: list[Message] = field(default_factory=list)
    #: what it does with the next requests, in order; then the last one again
    replies: list[Reply] = field(default_factory=lambda: [status(204)])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://localhost:{self.port}/word"

    @property
    def host(self) -> str:
        """As `--webhook-hosts` takes it."""
        return f"localhost:{self.port}"

    def wait(self, count: int = 1, timeout_s: float = 10.0) -> list[Message]:
        """The messages, once there are so many."""
        wait_until(lambda: len(self.messages) >= count, timeout_s)
        return list(self.messages)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Keep a request and answer it."""
        body = handler.rfile.read(int(handler.headers["content-length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.messages.append(Message(path=handler.path, headers=headers, body=body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        reply(handler)


def status(code: int, **headers: str) -> Reply:
    """Answer with a status and headers, and no body."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {**headers, "content-length": "0"}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return reply


@contextmanager
def receiver(certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A receiver; with a certificate and its key it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Receiver(server.server_port, "https" if certificate else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """A self-signed certificate for a host's name, and its key."""
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -addext subjectAltName=DNS:{name}"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*words.split(), *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"
