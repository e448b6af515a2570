"""The server as deploy/ starts it, with the secrets that deploy/secrets.sh makes: a real one, and who may do what."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.deploy.deployed import PATH, Deployed, make, prepared
from tests.deploy.parts import DEPLOY, PAGE, UNITS, compose, container, unit, value

#: what must not differ from what the settings say, as the server tells it
KEPT = {
    "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": "",
    "enable-debug-command": "no",
}  # fmt: skip
FILES = {
    "admin.password", "client.password", "client.url", "signing.key", "users.acl", "viewer.password", "viewer.url",
    "web.token", "worker.password", "worker.url",
}  # fmt: skip


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """The server of deploy/systemd, on a socket of its own."""
    with prepared() as found, found.running():
        yield found


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
    make(secrets, f"unix://{secrets.parent / 's'}")
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


def test_users_of_ones_own_stay(tmp_path: Path) -> None:
    """A second run keeps users that were added, and makes anew the lines of its own users alone."""
    make(tmp_path)
    users = tmp_path / "users.acl"
    lines = users.read_text().splitlines()
    alice = "user alice reset on #00 ~team:arq:* -@all +ping"
    users.write_text("\n".join(["user default on nopass", *lines[1:], alice, "user workers off"]) + "\n")
    make(tmp_path)
    assert users.read_text().splitlines() == [*lines, alice, "user workers off"]


def test_of_a_user_that_was_added_twice_the_last_line_stays(tmp_path: Path) -> None:
    """With both the server would not start; the script says whose lines it takes away."""
    make(tmp_path)
    users = tmp_path / "users.acl"
    lines = users.read_text().splitlines()
    added = ["user alice on #00", "user bob on #01", "user alice on #02", "user alice on #03", "user carl on #04"]
    users.write_text("\n".join([*lines, *added]) + "\n")
    told = make(tmp_path)
    assert users.read_text().splitlines() == [*lines, *(added[place] for place in (1, 3, 4))]
    assert told == f"{users} has several lines of the user alice: only the last one stays\n"


def test_a_user_of_ones_own_is_changed_and_removed_as_the_page_says() -> None:
    """A line is added twice, which the server refuses; with the page's `sed` it takes the new one, and goes on."""
    page = PAGE.read_text(encoding="utf-8").partition("### Users of your own")[2].partition("\n## ")[0]
    remove, add = re.findall(r"^\$ ((?:sed|nbqueue acl) .*)$", page, re.MULTILINE)[1:]
    with prepared() as own, own.running(), own.client("admin") as admin:
        folder = own.secrets.parent
        (folder / "alice.password").write_text("S3cr3t\n")

        def run(command: str) -> None:
            subprocess.run(command, shell=True, check=True, cwd=folder, env={**os.environ, "PATH": PATH})

        run(add)
        run(add)
        with pytest.raises(redis.ResponseError, match="Duplicate user 'alice'"):
            admin.acl_load()
        run(remove)
        run(add)
        assert admin.acl_load()
        with own.client("alice", "S3cr3t") as alice:
            assert alice.ping()
        run(remove)
        assert admin.acl_load()
        with own.client("alice", "S3cr3t") as alice, pytest.raises(redis.AuthenticationError):
            alice.ping()


def test_users_are_of_a_namespace(tmp_path: Path) -> None:
    """With NBQUEUE_NAMESPACE the rights are those of the namespace."""
    make(tmp_path, NBQUEUE_NAMESPACE="team")
    worker = next(line for line in (tmp_path / "users.acl").read_text().splitlines() if line.startswith("user worker"))
    assert [word for word in worker.split() if "~" in word] == ["~team:arq:*", "~team:nbq:*"]


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
