"""What is said of a server by what it says of itself."""

from pathlib import Path
from typing import Any

import pytest

from nbqueue import submit
from nbqueue.broker import checkup
from nbqueue.broker.address import parse_url
from nbqueue.broker.checkup import Mark
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.servers import running_server

SOUND = {"maxmemory": 0, "used_memory": 1_000_000, "maxmemory_policy": "noeviction", "total_system_memory": 10**10}


@pytest.mark.parametrize(
    ("info", "mark", "said"),
    [
        ({"valkey_version": "9.1.2", "redis_version": "7.2.4"}, "ok", "valkey 9.1.2"),
        ({"valkey_version": "7.2.0", "redis_version": "7.2.4"}, "note", "upgrade it to 7.2.11 or later"),
        ({"redis_version": "6.2.14"}, "wrong", "redis 6.2.14, but 7.0 is the oldest that does: upgrade it"),
        (
            {"redis_version": "7.0.15"},
            "note",
            "upgrade it to 7.2.11 or later; where your distribution has mended it, give --accept CVE-2025-49844",
        ),
        ({"redis_version": "7.4.5"}, "note", "upgrade it to 7.4.6 or later"),
        ({"redis_version": "8.2.3"}, "ok", "redis 8.2.3"),
        ({"redis_version": "255.255.255"}, "ok", "redis 255.255.255"),
        ({"redis_version": "8.4-rc1"}, "ok", "redis 8.4-rc1"),
        ({}, "wrong", "redis 0, but 7.0 is the oldest that does: upgrade it"),
    ],
)
def test_an_old_server_is_told(info: dict[str, Any], mark: Mark, said: str) -> None:
    """Too old is wrong; with a hole by which scripts take it over it is noted, with the release that mends it."""
    *_, found = checkup.server(info)
    what = checkup.HOLE if mark == "note" else "server"
    assert (found.what, found.mark, said in found.said) == (what, mark, True), found.said


def test_a_journal_that_is_not_written_is_wrong() -> None:
    """The last write of the append-only file failed, or there is none."""
    failed = {"aof_enabled": 1, "aof_last_write_status": "err"}
    assert [(each.mark, "make room on its disk" in each.said) for each in checkup.keeping(failed)] == [("wrong", True)]
    assert [(each.mark, "set appendonly yes" in each.said) for each in checkup.keeping({})] == [("note", True)]
    assert [each.mark for each in checkup.keeping({"aof_enabled": 1, "aof_last_write_status": "ok"})] == ["ok"]


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
def test_a_server_that_evicts_is_wrong(policy: str) -> None:
    """Under a limit of memory each policy but noeviction loses jobs; without a limit none does."""
    info = {**SOUND, "maxmemory_policy": policy}
    assert checkup.room({**info, "maxmemory": 10**9}).mark == "wrong"
    assert checkup.room(info).mark == "note"


def test_a_server_without_a_limit_is_noted() -> None:
    """What ends it where memory is short is said; with a limit it is well."""
    assert "no limit: set maxmemory" in checkup.room(SOUND).said
    assert checkup.room({**SOUND, "maxmemory": 10**9}).mark == "ok"


@pytest.mark.parametrize(
    ("info", "is_lost"),
    [
        ({"redis_version": "7.0.15", "aof_enabled": 1}, True), ({"redis_version": "7.0.15", "aof_enabled": 0}, False),
        ({"valkey_version": "9.0.0", "redis_version": "7.2.4", "aof_enabled": 1}, True),
        ({"valkey_version": "9.1.2", "redis_version": "7.2.4", "aof_enabled": 1}, False),
    ],
)  # fmt: skip
def test_a_journal_that_will_not_be_read_is_wrong(info: dict[str, Any], *, is_lost: bool) -> None:
    """A server that reads its file as a user without rights is told before it is started again, where it has one."""
    assert [each.mark for each in checkup.replay(info, ["hset"])] == ["wrong"] * is_lost
    assert list(checkup.replay(info, [])) == []


def test_who_submits_to_a_server_that_evicts_is_warned_once(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At the first submit the log says what to set, and no more after that."""
    with running_server(maxmemory="100mb", maxmemory_policy="allkeys-lru") as server:
        configure(Settings(url=server.url, home=home))
        for _ in range(2):
            submit(len, "abc").wait(5)
        shutdown()
    told = [record.getMessage() for record in caplog.records if record.name == "nbqueue.server"]
    assert len(told) == 1
    assert "throws jobs away: set maxmemory-policy noeviction. `nbqueue doctor` looks at the rest." in told[0]


@pytest.mark.parametrize(("skew_s", "mark"), [(0.3, "ok"), (5.0, "note")])
def test_a_clock_that_differs_is_noted(skew_s: float, mark: Mark) -> None:
    """More than two seconds are worth a word."""
    assert checkup.clock(skew_s).mark == mark


@pytest.mark.parametrize(
    ("url", "marks"),
    [
        ("redis://127.0.0.1", []), ("redis://[::1]:6379", []), ("redis://localhost", []), ("unix:///s", []),
        ("redis://queue.internal", ["note"]), ("redis://10.1.2.3", ["note"]), ("rediss://queue.internal", ["ok"]),
        ("rediss://queue.internal?ssl_check_hostname=false", ["note"]), ("rediss+sentinel://a/main", ["ok"]),
        ("redis+sentinel://10.1.2.3:26379,10.1.2.4:26379/main", ["note"]), ("redis+sentinel://localhost/main", []),
        ("redis+sentinel://localhost:1,10.1.2.4/main", ["note"]),
    ],
)  # fmt: skip
def test_plain_speech_over_a_network_is_noted(url: str, marks: list[Mark]) -> None:
    """On this machine nobody reads along; elsewhere TLS is advised, and names of certificates."""
    assert [each.mark for each in checkup.way(parse_url(url))] == marks
