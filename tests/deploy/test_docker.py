"""The image: what goes into it, and the script that is `nbqueue` in it, run for real."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.parts import DOCKER, DOCKERFILE
from tests.source import ROOT

TEXT = DOCKERFILE.read_text(encoding="utf-8")
SECRETS = "/run/secrets/nbqueue"


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """A folder as a container's file system: secrets that others can read, and a program that tells what it got."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, text in {"signing.key": "k 00\n", "web.token": "token", "url": "redis://server/0\n"}.items():
        (secrets / name).write_text(text)
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho "$NBQUEUE_URL" "$@"\n')
    program.chmod(0o755)
    script = (DOCKER / "nbqueue.sh").read_text(encoding="utf-8")
    (tmp_path / "nbqueue").write_text(
        script.replace(SECRETS, str(secrets)).replace("/opt/nbqueue/bin/nbqueue", str(program))
    )
    return tmp_path


def test_the_script_puts_secrets_into_private_files(container: Path) -> None:
    """The key and the token are copied for their owner alone, and the address is handed to nbqueue."""
    assert _called(container, "worker", "--check") == "redis://server/0 worker --check\n"
    home = container / "run" / "home"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in [home, *home.iterdir()]} == {
        "home": "0o700", "signing.key": "0o600", "web.token": "0o600",
    }  # fmt: skip
    assert (home / "signing.key").read_text() == "k 00\n"


def test_the_script_takes_up_another_key(container: Path) -> None:
    """A key that was mounted anew is taken at the next call; one that is the same is left alone."""
    key = container / "run" / "home" / "signing.key"
    _called(container, "worker")
    first = key.stat().st_ino
    _called(container, "worker")
    assert key.stat().st_ino == first
    (container / "secrets" / "signing.key").write_text("other 11\n")
    _called(container, "worker")
    assert key.read_text() == "other 11\n"


def test_the_script_needs_no_secrets(container: Path) -> None:
    """Where nothing is mounted, nbqueue gets what the environment says."""
    for path in (container / "secrets").iterdir():
        path.unlink()
    assert _called(container, "status") == "redis://environment/0 status\n"


def test_what_is_copied_reaches_the_build() -> None:
    """All that the Dockerfile copies is in the repository, and .dockerignore lets it through, and little else."""
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", TEXT, re.MULTILINE)
    copied = {word.removeprefix("./") for line in lines for word in line.split()}
    assert [word for word in copied if not (ROOT / word).exists()] == []
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


def test_the_image_runs_as_nobody_special() -> None:
    """The last user of the image is not root, and a first process is there that passes signals on."""
    assert re.findall(r"^USER (.+)$", TEXT, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^ENTRYPOINT (.+)$", TEXT, re.MULTILINE) == ['["tini", "--", "nbqueue"]']


def test_no_secret_is_in_a_layer() -> None:
    """Neither an argument nor a variable of the image holds an address or a key."""
    named = set(re.findall(r"^(?:ARG|ENV)? *([A-Z_]+)=", TEXT, re.MULTILINE))
    assert named == {"PYTHON", "EXTRAS", "HOME", "NBQUEUE_HOME", "PYTHONUNBUFFERED"}


def _called(container: Path, *words: str) -> str:
    environment = {
        "NBQUEUE_HOME": str(container / "run" / "home"), "NBQUEUE_URL": "redis://environment/0",
        "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    command = ["sh", str(container / "nbqueue"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
