"""What a worker without the newest key leaves to others: jobs in a burst, checkpoints, and word for webhooks."""

import asyncio
import signal
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from nbqueue import attach, options, submit, submit_map
from nbqueue.broker import words
from nbqueue.broker.address import parse_url
from nbqueue.broker.connection import open_redis
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.delivery import DeliveryState, Patience
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from nbqueue.model.webhook import HostRules
from nbqueue.worker.messenger import Messenger, Post
from nbqueue.worker.posting import Poster
from tests.attacks.rotations import follow, key_at, key_of_job, rotate, rotate_here
from tests.cli.commands import run as cli
from tests.receivers import Receiver, receiver
from tests.servers import Server
from tests.waiting import until, wait_until
from tests.workers import running_worker, start_worker

START_S = 20.0


def test_a_burst_ends_though_jobs_of_another_key_are_left(
    near: Settings, far: Settings, server: Server, tmp_path: Path
) -> None:
    """It lacks their key: they stay for others, uncharged, and one line says how many they are and why."""
    gate = tmp_path / "gate"
    first = submit(_once_there, str(gate)).wait(5)
    lagging = start_worker(far, "--slots", "1", "--processes", "2", "--burst")
    try:
        wait_until(lambda: first.state().wait(5) == "running", START_S)
        new = rotate_here(near, server)
        left = submit_map(len, ["abc"] * 5).wait(10)
        gate.touch()
        assert lagging.exit_code(START_S) == 0
    finally:
        lagging.kill()
    assert {(job.info().wait(5).state, job.info().wait(5).tries) for job in left} == {(State.QUEUED, 0)}
    said = f"5 jobs are left to other workers: they need key {new}, which {far.signing_key_file} does not have."
    assert (first.wait(5), lagging.log.count(said)) == (7, 1)
    with running_worker(near, "--slots", "1"):
        assert left.wait(20) == [3] * 5


def test_of_two_rotations_within_a_second_no_job_is_lost(near: Settings, far: Settings, server: Server) -> None:
    """Neither what the key before signed, nor what the one in between did, also beside a worker that has neither."""
    with running_worker(far, "--slots", "1", machine="far"):
        jobs, keys = [], [rotate_here(near, server)]
        jobs += list(submit_map(len, ["abc"] * 10).wait(10))
        for _ in range(2):
            keys.append(rotate(near))
            shutdown()
            configure(near)  # a session that begins now, and does not wait to look at its file
            job = submit(len, "abc").wait(5)
            assert key_of_job(job.id, server) == keys[-1]
            jobs.append(job)
        with running_worker(near, "--slots", "1"):
            assert [attach(job.id).wait(5).wait(20) for job in jobs] == [3] * 12
    assert len(set(keys)) == 3


@pytest.mark.slow
def test_a_checkpoint_of_the_new_key_is_waited_for(
    near: Settings, far: Settings, server: Server, tmp_path: Path
) -> None:
    """A job goes on elsewhere after its worker is gone: not from the beginning, but when the key has come."""
    gate = tmp_path / "gate"
    with running_worker(near, "--slots", "1") as rotated:
        job = submit(_step, str(gate)).wait(5)
        wait_until(lambda: job.state().wait(5) == "running", START_S)
        with running_worker(far, "--slots", "1"):
            new = rotate(near)
            wait_until(lambda: key_at(server, Keys().checkpoint(job.id)) == new)
            rotated.signal(signal.SIGHUP)
            wait_until(lambda: f"waits for a worker with key {new}" in _told_of_jobs(near), START_S)
            gate.touch()
            follow(near, far)
            assert job.wait(20) > 1
    assert job.info().wait(5).fence > 2


async def test_word_of_the_new_key_is_left_by_another(
    near: Settings, far: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A messenger that lacks the key sends nothing and records no failure: one that has it leaves the word, once."""
    monkeypatch.setattr(words, "LEASE_S", 1.0)
    lagging = Keyring.load(far.signing_key_file)
    with receiver() as hooks:
        await asyncio.to_thread(rotate_here, near, server)
        job = await options(queue="nowhere", on_done=hooks.url).submit(len, "abc")
        await job.cancel()
        async with aclosing(open_redis(parse_url(server.url), name="")) as client:
            due_ms = await client.zscore(Keys().hooks, job.id)
            await _messenger(client, lagging, hooks).finish(due=True)
            [left] = await job.deliveries()
            assert (left.state, left.attempts, left.error, hooks.messages) == (DeliveryState.WAITING, 0, "", [])
            assert await client.zscore(Keys().hooks, job.id) >= due_ms + 1_000

            async def leave() -> bool:
                await _messenger(client, Keyring.load(near.signing_key_file), hooks).finish(due=True)
                return bool(hooks.messages)

            await until(leave)
        assert [message.json["id"] for message in hooks.messages] == [job.id]
        assert [(each.state, each.attempts) for each in await job.deliveries()] == [(DeliveryState.DELIVERED, 1)]


def _messenger(client: Any, keyring: Keyring, hooks: Receiver) -> Messenger:
    rules = HostRules.of([hooks.host], private=True)
    return Messenger(
        client, Keys(), Post(keyring=keyring, rules=rules, patience=Patience(), poster=Poster(rules)), Random(1)
    )


def _told_of_jobs(settings: Settings) -> str:
    return str(cli("jobs", "--url", str(settings.url)).output)


def _once_there(gate: str) -> int:
    import time
    from pathlib import Path

    while not Path(gate).exists():
        time.sleep(0.05)
    return 7


def _step(gate: str) -> int:
    import time
    from pathlib import Path

    from nbqueue import checkpoint, last_checkpoint

    done: int = last_checkpoint(0)
    while not Path(gate).exists():
        done += 1
        checkpoint(done)
        time.sleep(0.05)
    return int(last_checkpoint(0))
