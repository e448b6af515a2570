"""A worker whose key file has not followed a rotation: it costs no job, and what was forged is no better off for it."""

import json
import urllib.error
import urllib.request
from contextlib import aclosing
from typing import Any

import pytest

from nbqueue import attach, options, schedule, submit, submit_map
from nbqueue.broker.address import parse_url
from nbqueue.broker.connection import open_redis
from nbqueue.broker.envelope import seal
from nbqueue.broker.handshake import agree, lacked_key
from nbqueue.broker.key_file import new_key_line
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.errors import TamperedPayload
from nbqueue.model.schedule import ScheduleState
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.attacks.rotations import follow, key_of_job, rotate
from tests.broker.contacts import free_port
from tests.cli.commands import run as cli
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Worker, running_worker, start_worker

START_S = 20.0


def ready(port: int) -> tuple[int, str]:
    """The answer to /ready, and why not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return answer.status, json.load(answer)["why"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["why"]


def told(worker: Worker, key_id: str) -> int:
    """How often it said that it lacks the key."""
    return worker.log.count(f"The others here sign with key {key_id} by now")


def test_a_lagging_worker_costs_no_job(near: Settings, far: Settings) -> None:
    """It leaves new jobs to the other, says so once, is not ready, and takes jobs again when it has the key."""
    port = free_port()
    with (
        running_worker(near, "--slots", "1"),
        running_worker(far, "--slots", "1", "--health", f"127.0.0.1:{port}", machine="far") as lagging,
    ):
        wait_until(lambda: ready(port) == (200, ""))
        new = rotate(near)
        jobs = submit_map(len, ["abc"] * 40).wait(10)
        assert jobs.wait(30) == [3] * 40
        wait_until(lambda: ready(port) == (503, f"its key file lacks key {new}, with which the others sign"))
        assert submit_map(len, ["abc"] * 40).wait(10).wait(30) == [3] * 40
        assert (told(lagging, new), "Tampered" in lagging.log) == (1, False)
        follow(near, far)
        wait_until(lambda: ready(port) == (200, ""))


def test_a_job_waits_for_a_worker_that_has_its_key(near: Settings, far: Settings) -> None:
    """With nobody else it is not charged and says what it waits for; it runs when the key has come."""
    with running_worker(far, "--slots", "1"):
        new = rotate(near)
        job = submit(len, "abc").wait(5)
        wait_until(lambda: f"waits for a worker with key {new}" in str(cli("jobs", "--url", str(near.url)).output))
        info = job.info().wait(5)
        assert (info.state, info.tries, info.started_at, info.worker) == (State.QUEUED, 0, None, "")
        vain = f"nbqueue: 1 job waits in default for key {new}"
        wait_until(lambda: vain in cli("status", "--url", str(near.url)).stderr)
        follow(near, far)
        assert job.wait(20) == 3


@pytest.mark.slow
def test_who_looks_for_faults_finds_a_lagging_worker(near: Settings, far: Settings) -> None:
    """The doctor says which jobs wait in vain and what helps, `worker --check` that none is ready; both are well again.

    A worker that has the key makes a note of it.
    """
    place = ("--url", str(near.url), "--home", str(near.home))

    def look() -> tuple[str, str, int]:
        rows = json.loads(cli("doctor", "--json", *place).stdout)
        told = [row for row in rows if f"key {new}" in row["said"]]
        check = cli("worker", "--check", *place)
        return told[0]["mark"] if told else "", told[0]["said"] if told else "", check.exit_code

    with running_worker(far, "--slots", "1"):
        assert cli("worker", "--check", *place).exit_code == 0
        new = rotate(near)
        job = submit(len, "abc").wait(5)
        vain = f"1 job waits in default for key {new}, which no worker that serves it has: bring it there: nbqueue sig"
        wait_until(lambda: (look()[0], look()[1].startswith(vain), look()[2]) == ("wrong", True, 3), 15)
        assert (
            f"The worker of this machine cannot run what is signed with key {new}"
            in cli("worker", "--check", *place).stderr
        )
        with running_worker(near, "--slots", "1"):
            assert job.wait(20) == 3
            mark, said, code = look()
            assert (mark, "cannot run what is signed with" in said, code) == ("note", True, 0)
        follow(near, far)
        wait_until(lambda: look()[::2] == ("", 0), 15)


def test_a_worker_that_starts_late_with_the_old_key_is_refused(near: Settings, far: Settings, server: Server) -> None:
    """The session that was running as its key was rotated has signed the mark anew."""
    submit(len, "abc").wait(5)
    new = rotate(near)
    wait_until(lambda: key_of_job(submit(len, "abc").wait(5).id, server) == new)
    late = start_worker(far, "--slots", "1")
    try:
        assert late.exit_code(START_S) == 2
    finally:
        late.kill()
    assert late.log.count(f"The jobs on this server are signed with key {new}") == 1


def test_a_schedule_outlives_lagging_workers(near: Settings, far: Settings) -> None:
    """One of another queue takes a turn at it and gives it back; with the key it goes on."""
    with running_worker(far, "--slots", "1", "--queues", "other"):
        new = rotate(near)
        ticks = schedule(1, len, "abc").wait(5)
        wait_until(lambda: f"waits for a worker with key {new}" in (ticks.info().wait(5).error or ""))
        assert ticks.info().wait(5).state is ScheduleState.ACTIVE
        with running_worker(near, "--slots", "1"):
            wait_until(lambda: ticks.info().wait(5).runs >= 2, 20)
        follow(near, far)


@pytest.mark.slow
def test_a_result_of_the_new_key_is_waited_for(near: Settings, far: Settings) -> None:
    """A job that the old key signed takes the result of one on a rotated worker: it waits for the key, and runs."""
    with running_worker(near, "--slots", "1", "--queues", "near"), running_worker(far, "--queues", "far"):
        first = options(queue="near").submit(_nap, 3).wait(5)
        second = options(queue="far").submit(_total, first).wait(5)
        new = rotate(near)
        wait_until(lambda: f"waits for a worker with key {new}" in str(cli("jobs", "--url", str(near.url)).output))
        follow(near, far)
        assert second.wait(20) == 3


def _total(numbers: Any) -> Any:
    return sum(numbers)


def _nap(seconds: int) -> list[int]:
    import time

    time.sleep(seconds)
    return [seconds]


async def test_who_has_no_key_of_ours_cannot_speak_of_another(server: Server) -> None:
    """Only a mark that a key of ours vouches for says that a key is the others'; any other id is a forgery."""
    old, new, theirs = new_key_line(), new_key_line(), new_key_line()
    lagging, rotated, foreign = _ring(old), _ring(new, old), _ring(theirs)
    error = TamperedPayload("no", unknown_key=rotated.ids[0])
    async with aclosing(open_redis(parse_url(server.url), name="")) as client:
        assert await lacked_key(client, Keys(), lagging, error) == ""
        await agree(client, Keys(), lagging)
        assert await lacked_key(client, Keys(), lagging, error) == ""
        await agree(client, Keys(), rotated)
        assert await lacked_key(client, Keys(), lagging, error) == rotated.ids[0]
        for other in (TamperedPayload("no", unknown_key="junk"), TamperedPayload("no"), ValueError("no")):
            assert await lacked_key(client, Keys(), lagging, other) == ""
        told_by: list[object] = [{lagging.ids[0]: "0" * 64}, {lagging.ids[0]: 7}, [], "x", {}, None]
        for by in told_by:
            header = {"kind": "mark", "ns": "", "id": "mark", "by": by}
            await client.set(Keys().mark, seal(foreign, header, b""), ex=60)
            forged = TamperedPayload("no", unknown_key=foreign.ids[0])
            assert await lacked_key(client, Keys(), lagging, forged) == ""


def _ring(*lines: str) -> Keyring:
    pairs = (line.split() for line in lines)
    return Keyring({key_id: bytes.fromhex(key) for key_id, key in pairs})


def test_a_forged_mark_keeps_no_forged_job_waiting(near: Settings, server: Server) -> None:
    """Junk that is signed with the key of a forged mark fails as ever, and the worker stays ready."""
    foreign, port = _ring(new_key_line()), free_port()
    with running_worker(near, "--slots", "1", "--health", f"127.0.0.1:{port}"):
        job = options(delay=3).submit(len, "abc").wait(5)
        with server.client() as client:
            client.set(Keys().mark, seal(foreign, {"kind": "mark", "ns": "", "id": "mark"}, b""), ex=60)
            client.set(Keys().submission(job.id), seal(foreign, {"kind": "job", "ns": "", "id": job.id}, b""))
        wait_until(lambda: job.info().wait(5).state is State.FAILED)
        assert attach(job.id).wait(5).info().wait(5).error_type == "TamperedPayload"
        assert ready(port) == (200, "")
