"""doctor: what it finds, and when it says that something is wrong."""

import json
from pathlib import Path

import pytest

from nbqueue.broker.roles import Role
from tests.broker.contacts import free_port, slow_way
from tests.cli.commands import run, shell
from tests.servers import Server, running_server
from tests.waiting import wait_until


def test_a_server_without_a_journal_is_noted(server: Server) -> None:
    """A reachable server passes; that it keeps nothing on disk and has no worker is noted."""
    # an old server, where these tests run on one, has notes of its own
    marks = {name: mark for name, mark in _marks(server).items() if not name.startswith("CVE-")}
    assert marks.pop("server") in {"ok", "note"}
    assert marks == {
        "Python": "ok", "signing key": "note", "persistence": "note", "memory": "note", "clock": "ok", "latency": "ok",
        "rights": "note", "workers": "note", "queues": "ok",
    }  # fmt: skip
    assert run("doctor", "--url", server.url).exit_code == 0


def test_a_server_that_throws_jobs_away_is_wrong() -> None:
    """An eviction policy under a memory limit is wrong, with the setting that mends it."""
    with running_server(maxmemory="100mb", maxmemory_policy="allkeys-lru") as server:
        found = run("doctor", "--url", server.url)
        assert (found.exit_code, "set maxmemory-policy noeviction" in found.stdout) == (1, True)


def test_a_queue_that_nobody_serves_is_wrong(server: Server) -> None:
    """Jobs that wait where no worker looks are named by their queue."""
    shell("submit", "f", "--queue", "lonely", "--url", server.url)
    assert _marks(server)["queues"] == "wrong"
    assert "jobs wait in lonely, which no worker serves" in run("doctor", "--url", server.url).stdout


def test_a_key_that_others_can_read_is_wrong(server: Server, home: Path) -> None:
    """The signing key's file must be private."""
    (home / "signing.key").write_text("k " + "0" * 64)
    (home / "signing.key").chmod(0o644)
    assert _marks(server)["signing key"] == "wrong"
    (home / "signing.key").chmod(0o600)
    assert _marks(server)["signing key"] == "ok"


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_server_is_wrong() -> None:
    """The sentence says why, and the exit code is 1."""
    found = run("doctor", "--json", "--url", "redis://127.0.0.1:1/0")
    assert (found.exit_code, json.loads(found.stdout)[-1]["mark"]) == (1, "wrong")


def test_no_local_stack_is_only_noted() -> None:
    """Without a URL nothing is started, and that nothing runs is no fault."""
    found = run("doctor", "--json")
    assert (found.exit_code, json.loads(found.stdout)[-1]["mark"]) == (0, "note")


def test_strict_takes_notes_for_faults(server: Server) -> None:
    """`--strict` ends with code 1 where a server keeps nothing on disk, which is else only noted."""
    assert run("doctor", "--url", server.url).exit_code == 0
    assert run("doctor", "--strict", "--url", server.url).exit_code == 1


def test_the_first_worker_may_start_after_a_look(server: Server) -> None:
    """That no worker runs is no fault, however strict; what may be so is named, and is none either."""
    known = [
        row["what"] for row in json.loads(run("doctor", "--json", "--url", server.url).stdout) if row["mark"] == "note"
    ]
    assert "workers" in known
    accepted = [word for what in known if what != "workers" for word in ("--accept", what)]
    assert run("doctor", "--strict", *accepted, "--url", server.url).exit_code == 0
    assert run("doctor", "--strict", *accepted[2:], "--url", server.url).exit_code == 1
    run("submit", "f", "--url", server.url)
    assert run("doctor", "--url", server.url).exit_code == 1
    assert run("doctor", "--accept", "queues", "--url", server.url).exit_code == 0


def test_a_key_that_is_broken_is_to_blame(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file without a key is wrong itself, and not the server; so is one that was named and is not there."""
    path = tmp_path / "own" / "a.key"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text("no key\n", encoding="ascii")
    monkeypatch.setenv("NBQUEUE_KEY_FILE", str(path))

    def told() -> list[tuple[str, str]]:
        found = json.loads(run("doctor", "--json", "--url", server.url).stdout)
        return [(row["what"], row["said"]) for row in found if row["mark"] == "wrong"]

    [(what, said)] = told()
    assert (what, said.startswith("Line 1 of the signing key")) == ("signing key", True)
    path.unlink()
    [(what, said)] = told()
    assert (what, f"{path}, which NBQUEUE_KEY_FILE names, is not there" in said) == ("signing key", True)


def test_a_key_that_was_named_is_not_made(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A mistyped path is refused by workers and by who submits: a fresh key would be another one than the others'."""
    path = tmp_path / "nope" / "x.key"
    worker = run("worker", "--key-file", str(path), "--url", server.url)
    monkeypatch.setenv("NBQUEUE_KEY_FILE", str(path))
    submit = run("submit", "f", "--url", server.url)
    for refused in (worker, submit):
        assert (refused.exit_code, f"nbqueue: There is no signing key {path}" in refused.stderr) == (2, True)
        assert "nbqueue signing-key import" in refused.stderr
    assert not path.parent.exists()


def test_a_key_that_the_jobs_are_not_signed_with_is_wrong(server: Server) -> None:
    """Nothing is submitted to find out: both key ids are named."""
    shell("submit", "f", "--queue", "lonely", "--url", server.url)
    run("signing-key", "new", "--key-file", "another.key")
    run("signing-key", "rotate", "--key-file", "another.key")
    Path.cwd().chmod(0o700)
    found = run("doctor", "--url", server.url)
    assert "signed with key" not in found.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBQUEUE_KEY_FILE", str(Path("another.key").absolute()))
        told = run("doctor", "--url", server.url)
    assert (told.exit_code, "use the same key file on both sides" in told.stdout) == (1, True)


def test_a_full_server_is_wrong() -> None:
    """Of a server that is nearly full it is said how full."""
    with running_server() as server:
        with server.client() as client:
            client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.95))
        found = run("doctor", "--url", server.url)
        assert (found.exit_code, "keep less history or results" in found.stdout) == (1, True)


def test_a_replica_and_a_cluster_are_wrong(server: Server) -> None:
    """A read-only replica is told with its primary, a server of a cluster as such."""
    primary, port = free_port(), free_port()
    with running_server(port=str(primary)), running_server(port=str(port)) as replica, replica.client() as client:
        client.replicaof("127.0.0.1", primary)
        assert f"read-only replica of 127.0.0.1:{primary}" in run("doctor", "--url", replica.url).stdout
    with running_server(port=str(port), cluster_enabled="yes", cluster_port=str(free_port())) as part:
        assert "it is part of a cluster" in run("doctor", "--url", part.url).stdout
    assert run("doctor", "--url", server.url).exit_code == 0


def test_a_disk_that_failed_is_wrong() -> None:
    """A snapshot that could not be written is told before submits are refused for it."""
    with running_server() as server, server.client() as client:
        server.path.with_name("dump.rdb").mkdir()
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        found = run("doctor", "--url", server.url)
        assert (found.exit_code, "its last snapshot failed" in found.stdout) == (1, True)


def test_a_slow_way_is_noted(server: Server) -> None:
    """What a round trip takes is told, and that submits wait for it."""
    with slow_way(str(server.path), 0.06) as port:
        found = run("doctor", "--url", f"redis://127.0.0.1:{port}")
    assert "which each submit waits for: run workers and notebooks closer to it" in found.stdout


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("viewer", "viewer has the role viewer: may look at jobs, and neither submit nor change any"),
        ("client", "client has the role client: may submit jobs, and run no worker"),
        ("worker", "worker may do what a worker needs"),
    ],
)
def test_a_role_is_as_it_should_be(server: Server, role: Role, told: str) -> None:
    """What a user may do who has the rights of a role is told by trying nothing out, and is no note."""
    with server.client() as client:
        rows = json.loads(run("doctor", "--json", "--url", server.url_of(role)).stdout)
        assert [(row["mark"], row["said"]) for row in rows if row["what"] == "rights"] == [("ok", told)]
        assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("role", "lost", "mark", "told"),
    [
        (
            "viewer",
            "srandmember",
            "wrong",
            "viewer cannot look at all that is known of jobs; `nbqueue acl --role viewer` prin",
        ),
        (
            "client",
            "xadd",
            "note",
            "neither submit nor change any; `nbqueue acl --role client` prints what it lacks: x",
        ),
        ("worker", "blpop", "note", "run no worker; `nbqueue acl --role worker` prints what it lacks: blpop"),
    ],
)
def test_rights_that_are_missing_are_named(server: Server, role: Role, lost: str, mark: str, told: str) -> None:
    """A user with less than its role is told so, with the command that prints the rest."""
    url = server.url_of(role)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", role, f"-{lost}")
    rows = json.loads(run("doctor", "--json", "--url", url).stdout)
    assert [(row["mark"], told in row["said"]) for row in rows if row["what"] == "rights"] == [(mark, True)]


def test_what_is_accepted_is_named_as_the_columns_are(server: Server) -> None:
    """With commas or one by one, in any case; what is looked at nowhere is refused, and what is accepted looks so."""
    run("submit", "f", "--url", server.url)
    found = run("doctor", "--accept", "Queues,memory", "--accept", "rights", "--url", server.url)
    lines = {line.split()[1]: line.split()[0] for line in found.stdout.splitlines()}
    assert {lines[name] for name in ("queues", "memory", "rights")} == {"accepted"}
    assert (found.exit_code, lines["persistence"]) == (0, "note")
    refused = run("doctor", "--accept", "queues,nonsense", "--url", server.url)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--accept 'nonsense' is not looked at: give of Python, environment, signing key, server" in refused.stderr


def test_a_way_that_was_not_gone_is_not_praised(tmp_path: Path) -> None:
    """Where the authority's certificate cannot be read nothing says that the server's certificate is checked."""
    url = f"rediss://queue.internal?ssl_ca_certs={tmp_path / 'ca.crt'}"
    rows = json.loads(run("doctor", "--json", "--url", url).stdout)
    assert [row["what"] for row in rows if row["what"] == "way"] == []
    assert "ca.crt of ssl_ca_certs in NBQUEUE_URL cannot be read" in rows[-1]["said"]


def test_rights_that_nobody_needs_are_noted(server: Server) -> None:
    """A user that could empty or take over the server is told so."""
    found = run("doctor", "--url", server.url).stdout
    assert "default may also run CONFIG, FLUSHALL, FUNCTION, ACL, MODULE, KEYS: give people and workers users" in found


def _marks(server: Server) -> dict[str, str]:
    return {item["what"]: item["mark"] for item in json.loads(run("doctor", "--json", "--url", server.url).stdout)}
