"""The client when the server, its data or the connection fails."""

import asyncio
import itertools
import os
import pickle
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from nbqueue.broker import codec
from nbqueue.broker.connection import Address
from nbqueue.broker.envelope import seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.client import hooks
from nbqueue.client.ended import Ended, error_of
from nbqueue.client.handle import Job
from nbqueue.client.session import configure, session
from nbqueue.client.submitter import options, run, submit, submit_map
from nbqueue.errors import (
    AccessDenied,
    BrokerUnavailable,
    ConfigurationError,
    JobLost,
    NbqueueError,
    ResultExpired,
    TamperedPayload,
    WrongPython,
)
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import engine
from tests.servers import Server, running_server
from tests.waiting import SLACK, until, wait_until


async def rest(seconds: float) -> str:
    """Take a while."""
    await asyncio.sleep(seconds)
    return "rested"


@pytest.mark.usefixtures("running_engine")
async def test_cut_connections_lose_nothing(server: Server) -> None:
    """Cutting all connections again and again loses no job, no result and no waiter."""
    stop = threading.Event()

    def cut() -> None:
        with server.client() as client:
            while not stop.wait(0.1):
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        jobs = [await submit(rest, 0.05) for _ in range(40)]
        group = await submit_map(rest, [0.05] * 500)
        assert [await job for job in jobs] == ["rested"] * 40
        assert await group == ["rested"] * 500
    finally:
        stop.set()
        cutter.join()


async def test_an_emptied_store_is_reported_within_two_seconds(server: Server) -> None:
    """After FLUSHALL, whoever waits for a job gets JobLost within two seconds."""
    jobs = [await submit(rest, 1) for _ in range(3)]
    waits = [asyncio.ensure_future(_ended(job)) for job in jobs]
    await until(lambda: _is_reading(server))
    with server.client() as client:
        client.flushall()
    begun = time.monotonic()
    ends = await asyncio.gather(*waits)
    assert [type(end) for end in ends] == [JobLost] * 3
    assert time.monotonic() - begun < 2 * SLACK


async def _ended(job: object) -> object:
    try:
        return await job  # type: ignore[misc]
    except NbqueueError as error:
        return error


def _is_reading(server: Server) -> bool:
    """Whether the reader is in the middle of a blocking read."""
    with server.client() as client:
        return any(each["name"] == "nbqueue-client-follow" and "b" in each["flags"] for each in client.client_list())


def test_a_server_that_is_gone_is_told_in_time() -> None:
    """Where nothing listens, a submit says so after the connection timeout, with place and cause."""
    configure(Settings(url="unix:///tmp/nbq-nobody", home=session().settings.home, connect_timeout_s=0.5))
    begun = time.monotonic()
    with pytest.raises(BrokerUnavailable, match=r"unix:///tmp/nbq-nobody cannot be reached: there is no socket"):
        submit(rest, 0).wait()
    assert time.monotonic() - begun < 1.5 * SLACK


async def test_waiting_for_a_server_that_was_never_there_ends() -> None:
    """A handle of an unreachable server does not wait for ever."""
    configure(Settings(url="redis://127.0.0.1:1", home=session().settings.home, connect_timeout_s=0.5))
    with pytest.raises(BrokerUnavailable, match="connection refused"):
        await asyncio.wait_for(Job("some-job"), 5)


def test_a_mute_server_is_told_in_time(settings: Settings) -> None:
    """A server that is stopped in its tracks is reported after the connection timeout."""
    with running_server() as server:
        configure(Settings(url=server.url, home=settings.home, connect_timeout_s=1.0))
        job = options(queue="nobody").submit(rest, 0).wait()
        server.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="no answer in time"):
            submit(rest, 0).wait()
        assert 0.9 < time.monotonic() - begun < 2.5 * SLACK
        server.process.send_signal(signal.SIGCONT)
        assert job.state().wait(5) is State.QUEUED


def test_a_restarted_server_is_found_again(settings: Settings) -> None:
    """Waiting outlives a server that is killed and started again with its data."""
    with running_server(appendonly="yes", appendfsync="always") as first:
        here = Settings(url=first.url, home=settings.home)
        configure(here)
        job = submit(rest, 0.1).wait()
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.append(job.wait(30)))
        live = job.live()
        thread.start()
        wait_until(lambda: live.version)
        first.process.kill()
        first.process.wait()
        wait_until(lambda: live.reconnecting)
        again = subprocess.Popen(first.process.args)
        try:
            with engine(here):
                thread.join(15)
            assert (found, live.reconnecting) == (["rested"], False)
            live.close()
        finally:
            again.kill()
            again.wait()


@pytest.mark.usefixtures("running_engine")
async def test_a_slow_reader_looks_up_what_was_trimmed(server: Server) -> None:
    """Where the stream was trimmed before it was read, the jobs are looked up."""
    job = await submit(rest, 0.4)
    waiting = asyncio.ensure_future(_ended(job))
    link = session()._link
    await until(lambda: link is not None and link.follow._position is not None)
    assert link is not None
    link.follow._position = b"1-1"
    with server.client() as client:
        for _ in range(3):
            client.xadd(Keys().events, {"kind": "queued", "jobs": "other", "count": 1})
    assert await asyncio.wait_for(waiting, 5) == "rested"


async def test_a_full_server_says_so(settings: Settings) -> None:
    """A server without memory refuses a submit with its reason, at once, and takes jobs again afterwards."""
    with running_server(maxmemory="3mb", maxmemory_policy="noeviction") as server:
        configure(Settings(url=server.url, home=settings.home))
        with pytest.raises(BrokerUnavailable, match="is out of memory, and nothing was stored"):
            await asyncio.gather(*(submit(len, os.urandom(200_000)) for _ in range(30)))
        with server.client() as client:
            client.config_set("maxmemory", "0")
        await submit(len, b"")


def test_a_wrong_password_is_not_retried(settings: Settings) -> None:
    """What no waiting mends is told at once, without the password."""
    with running_server() as server:
        server.client().config_set("requirepass", "S3cr3t")
        url = f"unix://:wr0ng@{server.path}"
        configure(Settings(url=url, home=settings.home))
        begun = time.monotonic()
        with pytest.raises(AccessDenied) as caught:
            submit(len, b"").wait()
        assert (time.monotonic() - begun < SLACK, "wr0ng" in str(caught.value)) == (True, False)


@pytest.fixture
def lone_job(server: Server, settings: Settings) -> Iterator[tuple[redis.Redis, Keyring, str]]:
    """A job that runs in no engine, a client to play one, and the key."""
    job = options(job_id="lone").submit(len, b"").wait()
    with server.client() as client:
        yield client, Keyring.load(settings.signing_key_file), job.id
        client.flushall()


def _end(client: redis.Redis, job_id: str, result: bytes, state: State = State.SUCCEEDED) -> None:
    """Write an end as somebody without a key could."""
    client.hset(Keys().record(job_id), mapping={"state": state.value, "fence": 1, "finished": 1_700_000_000_000})
    if result:
        client.set(Keys().result(job_id), result)
    client.xadd(Keys().events, {"kind": "changed", "jobs": f"{job_id} {state.value} 1", "count": 1})


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.mark,)


def _header(**changes: object) -> dict[str, object]:
    return {
        "kind": "result", "ns": "", "id": "lone", "fn": "len", "fence": 1, "attempt": 1, "state": "succeeded",
        "codec": "pickle", **codec.header_versions(), **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"key": "other"}, {"id": "another"}, {"kind": "job"}, {"fence": 7}, {"ns": "elsewhere"}, {"state": "odd"}, {}],
    ids=str,
)
def test_nothing_is_unpickled_before_it_is_verified(
    lone_job: tuple[redis.Redis, Keyring, str], tmp_path_factory: pytest.TempPathFactory, changes: dict[str, object]
) -> None:
    """A forged result, or one of another place, raises TamperedPayload, and its pickle is never opened."""
    client, keyring, job_id = lone_job
    mark = tmp_path_factory.mktemp("mark") / "bombed"
    if changes.pop("key", None) or not changes:
        keyring = Keyring({"forged": b"x" * 32})
    _end(client, job_id, seal(keyring, _header(**changes), pickle.dumps(Bomb(str(mark)))))
    with pytest.raises(TamperedPayload):
        Job(job_id).wait(5)
    assert not mark.exists()


def test_another_python_is_refused(lone_job: tuple[redis.Redis, Keyring, str]) -> None:
    """A result of another minor version is not unpickled, as that could crash the kernel."""
    client, keyring, job_id = lone_job
    _end(client, job_id, seal(keyring, _header(py="3.9"), b"not a pickle"))
    with pytest.raises(WrongPython, match=r"Python 3\.9"):
        Job(job_id).wait(5)


@pytest.mark.usefixtures("running_engine")
def test_a_result_that_was_kept_no_longer() -> None:
    """ResultExpired tells that the job succeeded, and when."""
    job = options(keep_result=0).submit(len, b"").wait()
    with pytest.raises(ResultExpired, match=r"is kept no longer \(it succeeded, started 20.*, ended 20.* UTC\)"):
        job.wait(5)


@pytest.mark.parametrize(
    ("state", "said", "sentence"),
    [
        (State.TIMED_OUT, "It ran into its time limit of 2 s.", "ran into its time limit of 2 s (started …)."),
        (State.TIMED_OUT, "", "ran into its time limit (started …)."),
        (State.CRASHED, "Its process ended itself with exit code 3.",
         "crashed (started …): its process ended itself with exit code 3."),
        (State.CRASHED, "Out of memory: its processes used too much. Its peak was 9 MB.",
         "crashed (started …): Out of memory: its processes used too much. Its peak was 9 MB."),
        (State.CRASHED, "", "crashed (started …)."),
        (State.CANCELLED, "", "was cancelled (started …)."),
    ],
)  # fmt: skip
def test_an_end_is_told_in_one_sentence(state: State, said: str, sentence: str) -> None:
    """It names the job by its label, says what happened and when."""
    header = {"fn": "solve", "started_ms": 1_000, "error": {"message": said}}
    error = error_of(Ended(job_id="c58", state=state, header=header, label="night"))
    assert str(error) == f"Job c58 (night) {sentence.replace('…', '1970-01-01 00:00:01 UTC')}"


def test_the_local_stack_is_started_again(server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a URL the local stack is asked for the address, and again whenever the connection fails."""
    calls, woken = itertools.count(), list[bool]()

    def ensure(settings: Settings, *, wakes: bool) -> Address:
        assert settings.url is None
        woken.append(wakes)
        return Address(kind="unix", path=str(server.path) if next(calls) else "/tmp/nbq-nobody")

    monkeypatch.setattr(hooks, "local_stack", ensure)
    configure(Settings(home=settings.home))
    assert options(queue="nobody").submit(len, b"").wait().state().wait() is State.QUEUED
    assert woken[0]
    monkeypatch.setattr(hooks, "local_stack", None)
    configure(Settings(home=settings.home))
    with pytest.raises(ConfigurationError, match="set NBQUEUE_URL"):
        run(len, b"").wait()
