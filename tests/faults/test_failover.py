"""A server behind Sentinels fails over: clients and workers follow, and what went to the old primary counts no more."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from nbqueue import AccessDenied, BrokerUnavailable, options, run, submit
from nbqueue.broker.connection import parse_url
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.broker.contacts import check, free_port
from tests.cli.commands import shell
from tests.faults import bodies
from tests.faults.conftest import Measure
from tests.sentinels import Watched, watched_servers
from tests.servers import Server, running_server
from tests.waiting import until, wait_until
from tests.workers import Ledger, running_worker

#: from the promotion until jobs go through again
FOLLOWED_S = 2.0


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A primary, its replica and three Sentinels."""
    with watched_servers() as found:
        yield found


@pytest.fixture
def settings(watched: Watched, home: Path) -> Iterator[Settings]:
    """The client of this process behind the Sentinels."""
    yield configure(watched.settings(home))
    shutdown()


def killed(watched: Watched) -> None:
    """The primary's machine is gone."""
    watched.first.process.kill()


def frozen(watched: Watched) -> None:
    """The primary keeps silent, and its connections stay open."""
    watched.first.process.send_signal(signal.SIGSTOP)


def frozen_with_a_sentinel(watched: Watched) -> None:
    """The same, and on its machine was one of the Sentinels."""
    frozen(watched)
    watched.processes[2].send_signal(signal.SIGSTOP)


def by_hand(watched: Watched) -> None:
    """Somebody has a Sentinel swap the two; the old primary goes on as a replica."""
    watched.promote()


@pytest.mark.parametrize(
    "how",
    [frozen_with_a_sentinel, *(pytest.param(how, marks=pytest.mark.slow) for how in (frozen, killed, by_hand))],
)
def test_workers_and_clients_follow_a_fail_over(
    watched: Watched, settings: Settings, how: Callable[[Watched], None], measure: Measure, tmp_path: Path
) -> None:
    """Two seconds after the promotion a job goes through again; what waited or ran was copied and comes to its end."""
    ledger, gate = Ledger(tmp_path / "ledger"), tmp_path / "gate"
    with running_worker(settings, "--slots", "2"):
        running = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(20)
        ledger.wait("begin")
        waiting = options(delay=1.0).submit(len, "waiting").wait(5)
        wait_until(lambda: _copied(watched))
        how(watched)
        watched.wait_for_promotion()
        began = time.monotonic()
        assert run(len, "abcd").wait(20) == 4
        measure("followed", time.monotonic() - began, within_s=FOLLOWED_S)
        assert waiting.wait(20) == 7
        gate.touch()
        assert running.wait(20) == "job"


def _copied(watched: Watched) -> bool:
    """Whether the replica has all that the primary has."""
    with watched.first.client() as client:
        found = client.info("replication")
    return bool(found["slave0"]["offset"] == found["master_repl_offset"])


@pytest.mark.slow
def test_what_a_frozen_worker_did_before_the_fail_over_counts_no_more(
    watched: Watched, settings: Settings, tmp_path: Path
) -> None:
    """Its job runs again behind the new primary; when it wakes its result is refused there, and the log says so."""
    ledger, gate = Ledger(tmp_path / "ledger"), tmp_path / "gate"
    with running_worker(settings, "--slots", "1", machine="one") as first:
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        wait_until(lambda: _copied(watched))
        first.freeze()
        killed(watched)
        watched.wait_for_promotion()
        with running_worker(settings, "--slots", "1", machine="two"):
            ledger.wait("begin", times=2)
            gate.touch()
            assert job.wait(10) == "job"
            first.thaw()
            wait_until(lambda: f"Job '{job.id}' is held here no longer" in first.log, 20)
            assert job.wait(5) == "job"


def test_a_replica_says_so_within_a_second(home: Path, measure: Measure) -> None:
    """Who names a read-only replica is told soon, and what to name instead."""
    port, other = free_port(), free_port()
    with (
        running_server(port=str(port), repl_diskless_sync_delay="0"),
        running_server(port=str(other), replicaof=f"127.0.0.1 {port}") as replica,
    ):
        wait_until(lambda: _is_linked(replica))
        configure(Settings(url=replica.url, home=home))
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="is a read-only replica: name the primary in NBQUEUE_URL"):
            submit(len, "abc").wait(10)
        measure("told", time.monotonic() - began, within_s=1.0)
        shutdown()


def _is_linked(replica: Server) -> bool:
    with replica.client() as client:
        return bool(client.info("replication")["master_link_status"] == "up")


async def test_sentinels_that_know_no_primary_are_told(watched: Watched) -> None:
    """None of them answers, none knows the name, or the primary is down: each is said."""
    nobody = f"redis+sentinel://127.0.0.1:{free_port()}/main"
    unknown = watched.url.replace("/main/", "/other/")
    for url, said in ((nobody, "Sentinels answered"), (unknown, 'the Sentinels know no "other"')):
        error, _ = await check(parse_url(url), timeout_s=0.5)
        assert type(error) is BrokerUnavailable
        assert said in str(error), error
    for process in (watched.first.process, watched.second.process):
        process.kill()
    await until(lambda: _says_down(watched))
    error, _ = await check(parse_url(watched.url), timeout_s=0.5)
    assert 'the Sentinels say that "main" is down, and name no other yet' in str(error)


def _says_down(watched: Watched) -> bool:
    """Whether each Sentinel has seen that the primary is away."""
    flags = []
    for port in watched.sentinels:
        with redis.Redis(port=port) as client:
            flags.append(client.sentinel_master("main")["is_sdown"])
    return all(flags)


async def test_a_url_that_mixes_up_servers_and_sentinels_is_told_at_once(watched: Watched, measure: Measure) -> None:
    """A name that no Sentinel knows, a server in the place of a Sentinel, and the other way round."""
    server, sentinel = watched.ports[0], watched.sentinels[0]
    told = {
        watched.url.replace("/main/", "/other/"): 'the Sentinels know no "other": name the primary in NBQUEUE_URL',
        f"redis+sentinel://127.0.0.1:{server}/main/0": "it is no Sentinel, but a server itself: write redis://",
    }
    for url, said in told.items():
        error, took_s = await check(parse_url(url))
        assert said in str(error), error
        measure("told", took_s, within_s=1.0)
    found = shell("doctor", "--url", f"redis://127.0.0.1:{sentinel}/0")
    assert "as it seems a Sentinel: write redis+sentinel://host:26379/name/0" in found.stdout
    found = shell("submit", "f", "--url", f"redis://127.0.0.1:{sentinel}/0")
    assert "as it seems a Sentinel: write redis+sentinel://host:26379/name/0" in found.stderr


def test_the_doctor_knows_who_watches(watched: Watched) -> None:
    """The primary and its replica are named, what is not set is noted, and so is a Sentinel that is gone."""
    place, (primary, replica) = watched.url, watched.ports
    shown = f"the primary is 127.0.0.1:{primary}, its replicas: 127.0.0.1:{replica} (online)"

    def told(url: str) -> list[tuple[str, str]]:
        rows = json.loads(shell("doctor", "--json", "--url", url).stdout)
        return [(row["mark"], row["said"]) for row in rows if row["what"] == "Sentinels"]

    (first, second) = told(place)
    assert first == ("ok", f"{shown}; all 3 Sentinels answer")
    assert (second[0], "set min-replicas-to-write 1 and min-replicas-max-lag 1" in second[1]) == ("note", True)
    with watched.first.client() as client:
        client.config_set("min-replicas-to-write", 1)
    gone = free_port()
    [(mark, said)] = told(place.replace("/main", f",127.0.0.1:{gone}/main"))
    assert (mark, said) == ("note", f"127.0.0.1:{gone} of 4 give no answer: start them again; {shown}")


async def test_sentinels_may_ask_for_a_password_of_their_own(watched: Watched) -> None:
    """It is given by an option of the URL; without it the refusal is told at once."""
    for port in watched.sentinels:
        with redis.Redis(port=port) as client:
            client.execute_command("ACL", "SETUSER", "default", "resetpass", ">S3cr3t")
    error, _ = await check(parse_url(watched.url))
    assert isinstance(error, AccessDenied), error
    assert (await check(parse_url(f"{watched.url}?sentinel_password=S3cr3t")))[0] is None
