"""Users with the rights of a role: what nbqueue does works, nothing else does, and namespaces stay apart."""

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from nbqueue import AccessDenied, JobLost, Queue, attach, options, progress, run, schedule, submit, submit_map
from nbqueue.broker import waits
from nbqueue.broker.address import parse_url
from nbqueue.broker.connection import open_redis
from nbqueue.broker.keys import Keys
from nbqueue.broker.roles import ROLES, Role
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.cli.commands import run as cli
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Worker, running_worker

#: none of these is for any role
GREAT = [
    "FUNCTION LOAD x", "CONFIG SET maxmemory 1", "CONFIG GET *", "SHUTDOWN NOSAVE", "REPLICAOF NO ONE", "MODULE LIST",
    "DEBUG SLEEP 0", "FLUSHALL", "FLUSHDB", "KEYS *", "ACL LIST", "ACL SETUSER me on", "EVAL x 0", "CLIENT LIST",
    "CLIENT KILL TYPE normal", "MONITOR", "SAVE", "BGREWRITEAOF", "SCRIPT FLUSH", "SWAPDB 0 1", "MIGRATE h 1 k 0 1",
    "PSUBSCRIBE *", "SLOWLOG GET", "LATENCY DOCTOR", "OBJECT FREQ x", "RESTORE x 0 y", "SORT x BY *", "CLUSTER INFO",
]  # fmt: skip


@pytest.fixture(scope="module")
def module_settings(module_server: Server, module_home: Path) -> Settings:
    """Those of people who may submit in the namespace "team"."""
    return Settings(url=module_server.url_of("client", "team"), home=module_home, namespace="team")


@pytest.fixture(scope="module")
def worker(module_server: Server, module_settings: Settings) -> Iterator[Worker]:
    """A worker with the rights of one in the namespace "team"."""
    own = replace(module_settings, url=module_server.url_of("worker", "team"))
    with running_worker(own, "--slots", "2") as worker:
        yield worker


def report() -> int:
    """A job that tells of itself."""
    progress(1, 2)
    print("here")  # noqa: T201 - goes to the job's log
    return 3


def refusals(server: Server) -> list[dict[str, object]]:
    """What any user was refused so far."""
    with server.client() as client:
        return [{name: each[name] for name in ("username", "reason", "object")} for each in client.acl_log()]


@pytest.mark.usefixtures("client", "worker")
def test_jobs_run_with_the_rights_of_their_roles(module_server: Server) -> None:
    """Submit, map, follow, log, retry, cancel, pause, limits, graphs, schedules, large arguments: none is refused."""
    with module_server.client() as client:
        client.execute_command("ACL", "LOG", "RESET")
    job = submit(report).wait(5)
    assert (job.wait(20), job.logs().wait(5).strip()) == (3, "here")
    assert run(len, b"x" * 300_000).wait(10) == 300_000
    first = submit_map(len, ["a", "bc"]).wait(5)
    assert options(after=[first]).run(sum, [1, 2]).wait(10) == 3
    failed = submit(int, "x").wait(5)
    wait_until(lambda: failed.state().wait(5).name == "FAILED")
    failed.retry().wait(5)
    queue = Queue("default")
    queue.pause().wait(5)
    waiting = options(delay=0.1, priority=3).submit(len, "abc").wait(5)
    assert waiting.cancel().wait(5) == "cancelled"
    queue.resume().wait(5)
    queue.limits(concurrency=1).wait(5)
    tick = schedule(1, len, "abc").wait(5)
    wait_until(lambda: tick.info().wait(5).last_job)
    tick.delete().wait(5)
    queue.clear().wait(5)
    assert refusals(module_server) == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_cannot_touch_the_server_itself(module_server: Server, role: Role) -> None:
    """Every command that changes, stops, empties, blocks or takes over the server is NOPERM for it."""
    with redis.Redis.from_url(module_server.url_of(role, "team")) as client:
        for command in GREAT:
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())
        assert client.ping()


@pytest.mark.parametrize("role", ROLES)
def test_only_workers_see_the_names_of_all_keys(module_server: Server, role: Role) -> None:
    """SCAN goes over the keys of all namespaces: who submits or looks may not, and needs it for nothing."""
    with redis.Redis.from_url(module_server.url_of(role, "team")) as client:
        if role == "worker":
            assert client.scan(0)
        else:
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.scan(0)


def test_a_viewer_runs_no_script(module_server: Server) -> None:
    """One that never ends would stop the server for all."""
    with redis.Redis.from_url(module_server.url_of("viewer", "team")) as client:
        for command in (("SCRIPT LOAD", "while true do end"), ("EVALSHA", "0" * 40, 0), ("EVALSHA_RO", "0" * 40, 0)):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command)


@pytest.mark.usefixtures("client", "worker")
async def test_a_viewer_sees_how_long_jobs_wait(module_server: Server) -> None:
    """Without scripts it finds the same oldest job as with them, in a queue and behind a gate."""
    queue = Queue("later")
    await queue.pause()
    for priority in (0, 5):
        await options(queue="later", priority=priority).submit(len, "abc")
    ages = []
    for role in ("client", "viewer"):
        async with aclosing(open_redis(parse_url(module_server.url_of(role, "team")), name="")) as client:
            ages += await waits.oldest_s(client, Keys("team"), ["later", "nothing"])
    assert ages[0] is not None
    assert (ages[2] is not None and ages[2] >= ages[0], ages[1::2]) == (True, [None, None])
    await queue.clear()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_its_namespace_alone(module_server: Server, role: Role) -> None:
    """Neither keys nor channels of another namespace, of the one without a name, or of other programs."""
    foreign = [keys.record("x") for keys in (Keys(), Keys("team2"), Keys("eam"), Keys("teams"))]
    with redis.Redis.from_url(module_server.url_of(role, "team")) as client:
        for key in (*foreign, Keys("other").queue("default"), "session", "team:session"):
            for command in (("GET", key), ("DEL", key), ("SUBSCRIBE", key), ("PUBLISH", key, "x")):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*command)
        assert client.exists(Keys("team").record("x")) == 0


def test_jobs_of_another_namespace_are_out_of_reach(
    module_server: Server, module_settings: Settings, client: Settings, worker: Worker
) -> None:
    """By its id a job is not found from another namespace; with another's rights nothing there can be looked at."""
    del client, worker
    job = submit(len, "abc").wait(5)
    assert job.wait(20) == 3
    shutdown()
    configure(replace(module_settings, namespace="other", url=module_server.url_of("client", "other")))
    with pytest.raises(JobLost):
        attach(job.id).wait(5)
    shutdown()
    configure(replace(module_settings, url=module_server.url_of("client", "other")))
    with pytest.raises(AccessDenied, match="does not allow this to the user of NBQUEUE_URL"):
        attach(job.id).wait(5)
    with pytest.raises(AccessDenied):
        submit(len, "abc").wait(5)


def test_who_submits_makes_no_workers(module_server: Server) -> None:
    """A client writes every kind of key of its namespace but leases and engines, which only workers write."""
    keys = Keys("team")
    own = [
        keys.events,
        keys.epoch,
        keys.expiring,
        keys.limits,
        keys.lookout,
        keys.log("x"),
        keys.live("x"),
        keys.queue("x"),
    ]
    with redis.Redis.from_url(module_server.url_of("client", "team")) as client:
        assert client.unlink(*own) >= 0
        for key in (keys.leases, keys.engine("x")):
            assert client.exists(key) in (0, 1)
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.unlink(key)


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "jobs",
        "jobs --json",
        "history",
        "schedules",
        "limits",
        "alerts list",
        "webhooks list",
        "retention default",
        "doctor",
    ],
)
def test_a_viewer_looks_and_changes_nothing(
    module_server: Server, module_settings: Settings, worker: Worker, words: str
) -> None:
    """What shows jobs works for it, and what would change one is refused."""
    del worker
    place = (
        "--url",
        module_server.url_of("viewer", "team"),
        "--namespace",
        "team",
        "--home",
        str(module_settings.home),
    )
    found = cli(*words.split(), *place)
    assert found.exit_code == 0, found.output
    refused = cli("drain", "default", *place)
    assert (refused.exit_code, "does not allow this to the user of NBQUEUE_URL" in refused.stderr) == (1, True)
