"""The server as deploy/ starts it, with the secrets that deploy/secrets.sh makes: a real one, and who may do what."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.deploy.parts import DEPLOY, PAGE, SYSTEMD, UNITS, compose, container, unit, value
from tests.servers import end_with_parent, server_binary
from tests.waiting import wait_until

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
#: what must not differ from what the settings say, as the server tells it
KEPT = {
    "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": "",
    "enable-debug-command": "no",
}  # fmt: skip
FILES = {
    "admin.password", "client.password", "client.url", "signing.key", "users.acl", "viewer.password", "viewer.url",
    "web.token", "worker.password", "worker.url",
}  # fmt: skip


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


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """The server of deploy/systemd, on a socket of its own."""
    folder = Path(tempfile.mkdtemp(prefix="nbq-deploy-", dir="/tmp"))
    found = Deployed(secrets=folder / "secrets", socket=folder / "s")
    _make(found.secrets, f"unix://{found.socket}")
    places = {
        "/usr/bin/valkey-server": server_binary(), "/etc/nbqueue-server/server.conf": DEPLOY / "server.conf",
        "/etc/nbqueue-server/users.acl": found.secrets / "users.acl", "/var/lib/nbqueue-server": folder, "6379": 0,
    }  # fmt: skip
    words = [str(places.get(word, word)) for word in value(SYSTEMD / "nbqueue-server.service", "ExecStart").split()]
    command = [*words, "--unixsocket", str(found.socket)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent) as process:  # noqa: PLW1509
        try:
            wait_until(found.answers, 10)
            yield found
        finally:
            process.kill()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def secrets(deployed: Deployed) -> Path:
    """What secrets.sh made."""
    return deployed.secrets


def test_secrets_are_private(secrets: Path) -> None:
    """Each secret is in a file of its own, for its owner alone."""
    assert {path.name for path in secrets.iterdir()} == FILES
    assert {oct(path.stat().st_mode & 0o777) for path in secrets.iterdir()} == {"0o600"}
    assert oct(secrets.stat().st_mode & 0o777) == "0o700"


def test_secrets_stay_as_they_are(secrets: Path) -> None:
    """A second run changes nothing."""
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    _make(secrets, f"unix://{secrets.parent / 's'}")
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before


def test_the_users_file_holds_no_password(secrets: Path) -> None:
    """Who reads the server's file of users learns hashes only."""
    users = (secrets / "users.acl").read_text()
    passwords = [path.read_text() for path in secrets.glob("*.password")]
    assert [each for each in passwords if len(each) != 64 or each in users] == []


def test_the_address_is_asked_for(tmp_path: Path) -> None:
    """Without a URL the script says how it is called, and makes nothing."""
    refused = subprocess.run(
        ["sh", str(DEPLOY / "secrets.sh"), str(tmp_path / "s"), "server"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("usage: ")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_take_files_from_where_the_page_puts_them(path: Path) -> None:
    """Each file below /etc that a unit names is one that the page installs."""
    page = PAGE.read_text(encoding="utf-8")
    text = value(path, "ExecStart") + str(unit(path)["Service"])
    for folder, name in re.findall(r"(/etc/[a-z-]+)/([a-z.%]+)", text.replace("%i", "default")):
        assert re.search(rf"install .*{re.escape(name)}.* {folder}/|install .* {folder}/{re.escape(name)}", page), name


def test_the_server_keeps_jobs(deployed: Deployed) -> None:
    """The settings in force are durable, and nothing is evicted."""
    with deployed.client("admin") as client:
        assert {name: client.config_get(name)[name] for name in KEPT} == KEPT


def test_the_health_check_can_do_nothing_else(deployed: Deployed) -> None:
    """Whoever has no password learns whether the server answers, and no more."""
    with deployed.client("health", "health") as client:
        assert client.ping() is True
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.get("x")
    with redis.Redis(unix_socket_path=str(deployed.socket)) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    for test in (
        compose()["services"]["server"]["healthcheck"]["test"],
        container("server")["readinessProbe"]["exec"]["command"][-1],
    ):
        assert test == "valkey-cli --no-auth-warning --user health --pass health ping | grep -q PONG"


def test_a_job_goes_through(deployed: Deployed, home: Path) -> None:
    """A client submits, a worker runs it, a viewer sees that it succeeded: each with its own address, and the key."""
    (home.parent / "work" / "sums.py").write_text(
        "import nbqueue\n\n\n@nbqueue.task\ndef double(n: int) -> int:\n    return 2 * n\n"
    )
    submitted = deployed.command("client", "submit", "double", "21")
    deployed.command("worker", "worker", "sums", "--burst", "--slots", "1")
    (job,) = json.loads(deployed.command("viewer", "jobs", "--json"))
    assert (job["id"], job["state"]) == (submitted.strip(), "succeeded")


def _make(folder: Path, url: str = "redis://server:6379/0") -> None:
    command = ["sh", str(DEPLOY / "secrets.sh"), str(folder), url]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": PATH})
