"""A service as those of language models are: over HTTP, with refusals, and here with a count of its calls."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Service:
    """Doubles numbers over HTTP; knows how often it served each."""

    def __init__(self) -> None:
        #: by number: calls that were answered
        self.served: Counter[int] = Counter()
        #: by number: calls that came, with refusals and errors
        self.came: Counter[int] = Counter()
        #: numbers that always end in an HTTP 400
        self.broken: set[int] = set()
        #: of each number the first so many calls end in an HTTP 500
        self.stumbles = 0
        #: so many calls, of whatever, end in an HTTP 429 first
        self.refusals = 0
        #: seconds that it asks to be left alone for then
        self.retry_after_s = 0.2
        #: seconds that an answer takes
        self.takes_s = 0.0
        #: when calls came that were answered with 429, and those that were not
        self.refused_at: list[float] = []
        self.served_at: list[float] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def total(self) -> int:
        """How many calls were answered."""
        return sum(self.served.values())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, number: int) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, headers and body for a number."""
        with self._lock:
            self.came[number] += 1
            if self.refusals:
                self.refusals -= 1
                self.refused_at.append(time.monotonic())
                return 429, {"Retry-After": str(self.retry_after_s)}, {}
            if number in self.broken:
                return 400, {}, {}
            if self.came[number] <= self.stumbles:
                return 500, {}, {}
            self.served[number] += 1
            self.served_at.append(time.monotonic())
        time.sleep(self.takes_s)
        return 200, {}, {"double": 2 * number}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = service.answer(int(self.path.rpartition("/")[2]))
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def doubled(item: dict[str, Any]) -> int:
    """What the service says of an item: a task as people write them."""
    with urllib.request.urlopen(f"{item['url']}/{item['input']}", timeout=30) as answer:
        found: int = json.load(answer)["double"]
    return found


def exact(output: Any, target: Any) -> bool:
    """Whether the output is what was wanted."""
    return bool(output == target)


def questions(service: Service, count: int, **more: Any) -> list[dict[str, Any]]:
    """So many items for `doubled`, of which every fifth has another target."""
    return [
        {"id": f"q{number}", "url": service.url, "input": number, "target": 2 * number + (number % 5 == 0), **more}
        for number in range(count)
    ]
