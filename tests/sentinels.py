"""A primary, a replica and three Sentinels on this machine, for tests of fail-overs."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from nbqueue.model.settings import Settings
from tests.broker.contacts import free_port
from tests.servers import Server, end_process, end_with_parent, running_server, server_binary
from tests.waiting import wait_until

NAME = "main"
#: a primary that keeps silent for so long is given up
DOWN_MS = 700


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Servers that Sentinels watch."""

    #: the first primary, and its replica
    first: Server
    second: Server
    #: where the two listen
    ports: tuple[int, int]
    #: where the Sentinels listen
    sentinels: tuple[int, ...]
    #: their processes
    processes: tuple[subprocess.Popen[bytes], ...]

    @property
    def url(self) -> str:
        """The address as `Settings` and NBQUEUE_URL take it."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in self.sentinels)}/{NAME}/0"

    def settings(self, home: Path) -> Settings:
        """Settings of clients and workers."""
        return Settings(url=self.url, home=home)

    def primaries(self) -> list[int]:
        """The port that each Sentinel names."""
        found = []
        for port in self.sentinels:
            with redis.Redis(port=port) as client:
                found.append(int(client.sentinel_get_master_addr_by_name(NAME)[1]))
        return found

    def is_ready(self) -> bool:
        """Whether each Sentinel knows the others and the replica, and that is up to date."""
        with self.first.client() as client:
            copied = client.info("replication").get("slave0", {}).get("state") == "online"
        states = []
        for port in self.sentinels:
            with redis.Redis(port=port) as client:
                states.append(client.sentinel_master(NAME))
        known = [(each["num-other-sentinels"], each["num-slaves"]) for each in states]
        return bool(copied) and known == [(len(self.sentinels) - 1, 1)] * len(self.sentinels)

    def promote(self) -> None:
        """Have a Sentinel make the replica the primary, as by hand; returns once it is."""
        with redis.Redis(port=self.sentinels[0]) as client:
            client.execute_command("SENTINEL", "FAILOVER", NAME)
        self.wait_for_promotion()

    def monitor(self, port: int) -> None:
        """Set all Sentinels up anew, to watch what listens there; they forget all fail-overs."""
        for order in (("REMOVE", NAME), ("MONITOR", NAME, "127.0.0.1", port, 2)):
            for sentinel in self.sentinels:
                with redis.Redis(port=sentinel) as client:
                    client.execute_command("SENTINEL", *order)

    def wait_for_promotion(self) -> None:
        """Wait until the replica takes writes."""

        def is_primary() -> bool:
            # the connections of a replica end as it becomes the primary
            with suppress(redis.ConnectionError), self.second.client() as client:
                return bool(client.info("replication")["role"] == "master")
            return False

        wait_until(is_primary, 20)


@contextmanager
def watched_servers() -> Iterator[Watched]:
    """Two servers and three Sentinels that agree on who is the primary."""
    ports = (free_port(), free_port())
    with ExitStack() as stack:
        first = stack.enter_context(running_server(port=str(ports[0]), repl_diskless_sync_delay="0"))
        second = stack.enter_context(running_server(port=str(ports[1]), replicaof=f"127.0.0.1 {ports[0]}"))
        started = [stack.enter_context(_sentinel(ports[0])) for _ in range(3)]
        sentinels, processes = zip(*started, strict=True)
        found = Watched(first=first, second=second, ports=ports, sentinels=sentinels, processes=processes)
        wait_until(found.is_ready, 20)
        yield found


@contextmanager
def _sentinel(primary: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A Sentinel: its port and process."""
    folder, port = Path(tempfile.mkdtemp(prefix="nbq-sentinel-", dir="/tmp")), free_port()
    lines = (
        f"port {port}", f"dir {folder}", f"logfile {folder / 'log'}", f"sentinel monitor {NAME} 127.0.0.1 {primary} 2",
        f"sentinel down-after-milliseconds {NAME} {DOWN_MS}", f"sentinel failover-timeout {NAME} 3000",
    )  # fmt: skip
    (folder / "sentinel.conf").write_text("\n".join(lines) + "\n", encoding="ascii")
    command = [str(server_binary()), str(folder / "sentinel.conf"), "--sentinel"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)  # noqa: PLW1509
    try:
        wait_until(lambda: _answers(port), 10)
        yield port, process
    finally:
        end_process(process)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    try:
        with redis.Redis(port=port) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
