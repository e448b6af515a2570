"""A real web server for tests: started by the command, asked over real sockets."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbqueue.model.settings import Settings
from tests.servers import end_with_parent
from tests.waiting import SLACK, wait_until
from tests.workers import PYTHON, ROOT, key_variable

TOKEN = "a-token-of-the-tests-S3cr3t"
#: a web server imports what it needs within this, also on a busy machine
START_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """The sentence of a problem document."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json["detail"])


@dataclass(kw_only=True)
class Web:
    """A web server that runs."""

    process: subprocess.Popen[str]
    port: int
    #: what it has written so far
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, without a slash behind it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written so far."""
        return "".join(self.lines)

    def ask(
        self, method: str, path: str, *, token: str | None = TOKEN, body: bytes | None = None, json_body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """One request on a connection of its own."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * SLACK)
        try:
            connection.request(method, path, body, sent)
            found = connection.getresponse()
            return Answer(
                status=found.status, body=found.read(),
                headers={name.lower(): value for name, value in found.getheaders()},
            )  # fmt: skip
        finally:
            connection.close()

    def get(self, path: str, **options: Any) -> Answer:
        """A GET."""
        return self.ask("GET", path, **options)

    def post(self, path: str, json_body: Any = None, **options: Any) -> Answer:
        """A POST of JSON."""
        return self.ask("POST", path, json_body=json_body, **options)

    def raw(self, data: bytes, *, timeout_s: float = 20.0) -> bytes:
        """Send bytes as they are, and read until the server closes the connection."""
        with self.connection(timeout_s) as connection:
            connection.sendall(data)
            return read_all(connection)

    @contextmanager
    def connection(self, timeout_s: float = 20.0) -> Iterator[socket.socket]:
        """A raw connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s * SLACK) as found:
            yield found


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass  # closed while we were still sending
    return b"".join(parts)


def peak_bytes(web: Web) -> int:
    """The most memory that its process ever had."""
    text = Path(f"/proc/{web.process.pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+([0-9]+) kB", text)[0]) * 1024


@contextmanager
def running_web(settings: Settings, *options: str, token: str = TOKEN) -> Iterator[Web]:
    """A web server for the server of these settings, on a free port."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = settings.home / "tests.token"
    if token and not file.exists():
        file.touch(mode=0o600)
        file.write_text(token + "\n", encoding="ascii")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT), "NBQUEUE_URL": settings.url or "", "NBQUEUE_HOME": str(settings.home),
        "NBQUEUE_NAMESPACE": settings.namespace, **key_variable(settings),
        "NBQUEUE_CONNECT_TIMEOUT_S": str(settings.connect_timeout_s),
        **({"NBQUEUE_TOKEN_FILE": str(file)} if token else {}),
    }  # fmt: skip
    command = [str(PYTHON), "-m", "nbqueue", "web", "--port", "0", *options]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env=environment, start_new_session=True, cwd=Path.cwd(),
        preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
    ) as process:  # fmt: skip
        web = Web(process=process, port=0)
        reader = threading.Thread(target=_collect, args=(web,), daemon=True)
        reader.start()
        try:
            web.port = wait_until(lambda: _port(web), START_S)
            yield web
        finally:
            process.kill()
            process.wait(10)
            reader.join(10)


def _collect(web: Web) -> None:
    assert web.process.stdout is not None
    for line in web.process.stdout:
        web.lines.append(line)


def _port(web: Web) -> int:
    assert web.process.poll() is None, web.log
    found = re.search(r"Serving http://[^ ]*?:([0-9]+)/", web.log)
    return int(found[1]) if found else 0
