"""No queue at all: a push and a blocking pop there, and a push and a blocking pop back."""

from __future__ import annotations

from redis import Redis

from benchmarks.peers.driving import SOCKET, main


class Bare:
    """One list there, one back."""

    distribution = "redis"

    def __init__(self) -> None:
        self.server = Redis(unix_socket_path=SOCKET)

    async def open(self) -> None:
        """Connect."""
        self.server.ping()

    async def fill(self, count: int) -> None:
        """Go there and back so often."""
        for number in range(count):
            await self.once(number)

    async def left(self) -> int:
        """None: each push waits for its answer."""
        return 0

    async def once(self, number: int) -> int:
        """There and back."""
        self.server.lpush("there", number)
        found = self.server.brpop(["back"], timeout=10)
        return int(found[1])

    def work(self) -> None:
        """Send back what comes."""
        while True:
            _, value = self.server.brpop(["there"])
            self.server.lpush("back", value)


if __name__ == "__main__":
    main(Bare())
