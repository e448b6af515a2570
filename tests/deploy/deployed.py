"""The server as deploy/ starts it: a real one, with the secrets that deploy/secrets.sh makes."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.deploy.parts import DEPLOY, SYSTEMD, value
from tests.servers import end_process, end_with_parent, server_binary
from tests.waiting import wait_until

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A server that runs as the unit of systemd starts it."""

    #: what secrets.sh made for it
    secrets: Path
    #: where it listens
    socket: Path

    def client(self, user: str, password: str = "") -> redis.Redis:
        """A plain connection of one of its users."""
        known = password or (self.secrets / f"{user}.password").read_text()
        return redis.Redis(unix_socket_path=str(self.socket), username=user, password=known, decode_responses=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the unit's command runs; then it is told to end, as systemd does, and may be started again."""
        folder = self.socket.parent
        places = {
            "/usr/bin/valkey-server": server_binary(), "/etc/nbqueue-server/server.conf": DEPLOY / "server.conf",
            "/etc/nbqueue-server/users.acl": self.secrets / "users.acl", "/var/lib/nbqueue-server": folder, "6379": 0,
        }  # fmt: skip
        words = [str(places.get(word, word)) for word in value(SYSTEMD / "nbqueue-server.service", "ExecStart").split()]
        command = [*words, "--unixsocket", str(self.socket)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent)  # noqa: PLW1509
        try:
            wait_until(self.answers, 10)
            yield
            process.terminate()
            process.wait(20)
        finally:
            end_process(process)

    def answers(self) -> bool:
        """Whether it takes commands."""
        try:
            with self.client("health", "health") as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def command(self, user: str, *words: str) -> str:
        """What the command `nbqueue` prints for one of its users."""
        environment = {
            **os.environ, "NBQUEUE_URL": (self.secrets / f"{user}.url").read_text().strip(),
            "NBQUEUE_KEY_FILE": str(self.secrets / "signing.key"),
        }  # fmt: skip
        command = [sys.executable, "-m", "nbqueue", *words]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@contextmanager
def prepared() -> Iterator[Deployed]:
    """A folder with the secrets of a server that does not run yet."""
    folder = Path(tempfile.mkdtemp(prefix="nbq-deploy-", dir="/tmp"))
    found = Deployed(secrets=folder / "secrets", socket=folder / "s")
    try:
        make(found.secrets, f"unix://{found.socket}")
        yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make(folder: Path, url: str = "redis://server:6379/0", **variables: str) -> str:
    """Run secrets.sh; what it says."""
    command = ["sh", str(DEPLOY / "secrets.sh"), str(folder), url]
    environment = {**os.environ, "PATH": PATH, **variables}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stderr
