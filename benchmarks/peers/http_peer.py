"""Web servers that take jobs: nbqueue's own, and Flower, which does so for Celery. The same program calls both."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.driving import SOCKET, main

#: callers at once, each with one connection that it keeps
CALLERS = 16
START_S, LOOK_S = 30.0, 0.1


@dataclass(frozen=True, kw_only=True)
class Site:
    """How one of them is started, and how a job is submitted to it and looked at."""

    distribution: str
    command: tuple[str, ...]
    submit: str
    body: bytes
    look: str
    #: member of the answer to a submit that has the job's id
    id_member: str


SITES = {
    "nbqueue": Site(
        distribution="nbqueue", command=("-m", "nbqueue", "web", "--port", "{port}"), submit="/api/v1/jobs",
        body=b'{"function": "noop", "args": [1]}', look="/api/v1/jobs/{id}", id_member="id",
    ),
    "flower": Site(
        distribution="flower",
        command=("-m", "celery", "-A", "benchmarks.peers.flower_tasks", "flower", "--port={port}"),
        submit="/api/task/async-apply/noop", body=b'{"args": [1]}', look="/api/task/result/{id}", id_member="task-id",
    ),
}  # fmt: skip


class Web:
    """A web server, and its callers."""

    def __init__(self, variant: str) -> None:
        self._site = SITES[variant]
        self.distribution = self._site.distribution
        self._ids: list[str] = []

    async def open(self) -> None:
        """Start it, and wait until it answers."""
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port = int(found.getsockname()[1])
        words = [word.format(port=self._port) for word in self._site.command]
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own words, once
            [sys.executable, *words], env={**os.environ, "BENCH_SOCKET": SOCKET, "FLOWER_UNAUTHENTICATED_API": "true"},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(START_S):
            while not await self._answers():  # noqa: ASYNC110 - another process opens the port
                await asyncio.sleep(LOOK_S)

    async def submits(self, count: int) -> int:
        """Submit so many jobs; how many were taken."""
        request = self._request("POST", self._site.submit, self._site.body)
        answers = await self._call([request] * count)
        self._ids = [json.loads(answer)[self._site.id_member] for answer in answers]
        return len(set(self._ids))

    async def looks(self, count: int) -> int:
        """Look at so many of the jobs submitted last; how many answers came."""
        return len(
            await self._call([self._request("GET", self._site.look.format(id=id_)) for id_ in self._ids[:count]])
        )

    def work(self) -> None:
        """Nobody works: jobs wait."""

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        token = Path(os.environ["NBQUEUE_HOME"], "web.token")
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Content-Length: {len(body)}"]
        if body:
            lines.append("Content-Type: application/json")
        if token.exists():
            lines.append(f"Authorization: Bearer {token.read_text(encoding='utf-8').strip()}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def _call(self, requests: list[bytes]) -> list[bytes]:
        """The answers' bodies, one caller after another."""
        found = await asyncio.gather(*(self._caller(requests[each::CALLERS]) for each in range(CALLERS)))
        return [answer for those in found for answer in those]

    async def _caller(self, requests: Iterable[bytes]) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        answers = []
        for request in requests:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            if not head.startswith("http/1.1 20"):
                raise ValueError(head.partition("\r\n")[0])
            length = head.partition("content-length:")[2].partition("\r\n")[0]
            answers.append(await reader.readexactly(int(length)))
        writer.close()
        return answers

    async def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise ValueError("the web server has ended")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        return True

    async def fill(self, count: int) -> None:
        """The same as `submits`."""
        await self.submits(count)

    async def left(self) -> int:
        """None that anybody waits for."""
        return 0

    async def once(self, number: int) -> int:
        """One submit, and one look at it."""
        await self.submits(1)
        await self.looks(1)
        return number


if __name__ == "__main__":
    main(Web(sys.argv[2]))
