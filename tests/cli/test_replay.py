"""doctor, about a server that will not read its own file at the next start."""

import json

import pytest
import redis

from tests.cli.commands import run
from tests.servers import running_server


@pytest.mark.parametrize(
    ("default", "is_whole"), [("off", False), ("off ~* &* +@all", True), ("off ~* &* +@all -@write", False)]
)
def test_a_default_user_without_rights_is_wrong(default: str, *, is_whole: bool) -> None:
    """With an append-only file it is told before jobs are lost, with the command that mends it and no other fault."""
    with running_server(appendonly="yes") as server:
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all")
            version = client.info("server").get("valkey_version", "0")
        reads_all = tuple(map(int, version.split("."))) >= (9, 1, 2)
        admin = redis.Redis(unix_socket_path=str(server.path), username="admin", password="x")
        with admin:
            admin.execute_command("ACL", "SETUSER", "default", "reset", *default.split())
        found = json.loads(run("doctor", "--json", "--url", f"{server.url}?username=admin&password=x").stdout)
    told = [row for row in found if row["what"] == "persistence"]
    assert [row["mark"] for row in told] == ["ok"] + ["wrong"] * (not is_whole and not reads_all)
    assert all("run ACL SETUSER default off ~* &* +@all" in row["said"] for row in told[1:])


def test_who_may_not_ask_is_told_nothing() -> None:
    """A user with the rights of a role cannot ask for those of others, and has no fault of it."""
    with running_server(appendonly="yes") as server:
        found = json.loads(run("doctor", "--json", "--url", server.url_of("worker")).stdout)
    assert [(row["what"], row["mark"]) for row in found if row["what"] == "persistence"] == [("persistence", "ok")]
