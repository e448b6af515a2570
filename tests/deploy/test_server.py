"""The server as deploy/ starts it, with the secrets that deploy/secrets.sh makes: a real one, and who may do what."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.deploy.parts import DEPLOY, UNITS, compose, container, value
from tests.servers import Server, running_server

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
#: what must not differ from what the settings say, as the server tells it
DURABLE = {
    "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": "", "enable-debug-command": "no",
}  # fmt: skip
FILES = {
    "admin.password", "client.password", "client.url", "signing.key", "users.acl", "viewer.password", "viewer.url",
    "web.token", "worker.password", "worker.url",
}  # fmt: skip


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the script makes."""
    folder = tmp_path_factory.mktemp("made") / "secrets"
    _make(folder)
    return folder


@pytest.fixture(scope="module")
def deployed(secrets: Path) -> Iterator[Server]:
    """A server with the settings and the users of deploy/."""
    with running_server(settings_file=DEPLOY / "server.conf", aclfile=str(secrets / "users.acl")) as server:
        yield server


def test_secrets_are_private(secrets: Path) -> None:
    """Each secret is in a file of its own, for its owner alone."""
    assert {path.name for path in secrets.iterdir()} == FILES
    assert {oct(path.stat().st_mode & 0o777) for path in secrets.iterdir()} == {"0o600"}
    assert oct(secrets.stat().st_mode & 0o777) == "0o700"


def test_secrets_stay_as_they_are(secrets: Path) -> None:
    """A second run changes nothing; a password that was removed is made anew, and its address with it."""
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    _make(secrets)
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
