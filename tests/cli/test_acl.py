"""acl: the command that makes a user of a shared server."""

from hashlib import sha256
from pathlib import Path

import pytest
import redis

from nbqueue.broker.roles import ROLES, Role
from nbqueue.cli.acl import PLACE
from tests.cli.commands import run
from tests.servers import running_server


def test_what_it_prints_is_what_a_server_takes() -> None:
    """Each role's line makes a user who can speak, called after the role; the password is named by its hash."""
    Path("password").write_text("S3cr3t\n", encoding="utf-8")
    with running_server() as server, server.client() as admin:
        for role in ROLES:
            line = run("acl", "--role", role, "--namespace", "team", "--password-file", "password").stdout
            assert sha256(b"S3cr3t").hexdigest() in line
            assert "S3cr3t" not in line
            assert admin.execute_command(*line.split()) in (b"OK", True)
            own = redis.Redis(unix_socket_path=str(server.path), username=f"nbqueue-{role}", password="S3cr3t")
            with own:
                assert own.ping()


def test_without_a_password_there_is_a_place_for_it() -> None:
    """What stands there is refused by the server as it is, and said; the form of an ACL file has no command."""
    role: Role = "viewer"
    words = run("acl", "--role", role, "--user", "eve", "--acl-file").stdout.split()
    assert words[:7] == ["user", "eve", "reset", "on", PLACE, "%R~arq:*", "%R~nbq:*"]
    found = run("acl", "--role", role, "--user", "eve")
    assert found.stderr.startswith("nbqueue: eve has no password yet: give --password-file, or write the")
    with running_server() as server, server.client() as admin:
        with pytest.raises(redis.ResponseError, match=f"Error in ACL SETUSER modifier '{PLACE}'"):
            admin.execute_command(*found.stdout.split())
        assert admin.acl_users() == ["default"]


def test_what_cannot_be_meant_is_refused() -> None:
    """A name with spaces, the user `default`, a namespace that would share patterns with another, an empty password."""
    Path("empty").touch()
    for words in (("--user", "a b"), ("--user", "default"), ("--namespace", "nbq"), ("--password-file", "empty")):
        assert run("acl", "--role", "client", *words).exit_code == 2
