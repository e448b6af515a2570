"""What a rotation is: one file follows it at once, its copy when somebody takes the keys there."""

from __future__ import annotations

from pathlib import Path

from nbqueue.broker.envelope import key_id_of
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.client.submitter import options
from nbqueue.model.settings import Settings
from tests.cli.commands import run as cli
from tests.servers import Server
from tests.waiting import wait_until


def key_file(folder: Path, name: str, *lines: str) -> Path:
    """A private file of these keys."""
    path = folder / name
    path.touch(mode=0o600)
    path.write_text("".join(lines), encoding="ascii")
    return path


def rotate(near: Settings) -> str:
    """Let a fresh key sign on one side; its id."""
    found = cli("signing-key", "rotate", "--key-file", str(near.key_file))
    assert "Machines with a copy of this file" in found.output
    return Keyring.load(near.signing_key_file).ids[0]


def follow(near: Settings, far: Settings) -> None:
    """Take the keys to the other side."""
    far.signing_key_file.write_text(near.signing_key_file.read_text(encoding="ascii"), encoding="ascii")


def rotate_here(near: Settings, server: Server) -> str:
    """The same, and wait until the session here signs with it, too."""
    new = rotate(near)
    wait_until(lambda: key_of_job(options(queue="nowhere").submit(len, "abc").wait(5).id, server) == new)
    return new


def key_of_job(job_id: str, server: Server) -> str | None:
    """The key that a job was submitted with."""
    return key_at(server, Keys().submission(job_id))


def key_at(server: Server, key: str) -> str | None:
    """The key that something in the server is signed with."""
    with server.client() as client:
        found = client.get(key)
    return key_id_of(found) if isinstance(found, bytes) else None
