"""How a real worker shares itself among queues, as the ledger of what ran has it."""

from collections import Counter
from itertools import islice
from pathlib import Path
from statistics import median

import pytest

from nbqueue import options, submit
from nbqueue.model.settings import Settings
from nbqueue.worker.duties import POLL_S
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Ledger, running_worker

pytestmark = pytest.mark.usefixtures("session")

TASKS = """
import asyncio, os, time
from pathlib import Path
import nbqueue

def write(word, name, ledger):
    with open(ledger, "a") as file:
        file.write(f"{word} {name} {os.getpid()} {time.monotonic()}\\n")

@nbqueue.task("note")
async def note(name, ledger):
    write("ran", name, ledger)

@nbqueue.task("note_apart")
def note_apart(name, ledger):
    write("ran", name, ledger)

@nbqueue.task("hold")
async def hold(name, ledger, gate):
    write("begun", name, ledger)
    while not Path(gate).exists():
        await asyncio.sleep(0.01)
    write("ended", name, ledger)
"""

SHARES = {"critical": 0.6, "default": 0.3, "low": 0.1}
#: more than 1,000 times the share, so that each queue has jobs for as long as is counted
JOBS = {"critical": 750, "default": 450, "low": 250}


@pytest.fixture(autouse=True)
def _module(tmp_path: Path) -> None:
    """The tasks in a module of their own."""
    (tmp_path / "share_tasks.py").write_text(TASKS, encoding="utf-8")


def _fill(function: str, ledger: Ledger) -> None:
    for queue, count in JOBS.items():
        options(queue=queue).submit_map(function, [queue] * count, [str(ledger.path)] * count).wait(20)


@pytest.mark.parametrize(("function", "slots"), [("note", "1"), ("note_apart", "2")])
def test_full_queues_get_their_shares(
    function: str, slots: str, settings: Settings, tmp_path: Path, ledger: Ledger
) -> None:
    """Of the first 1,000 jobs each queue has its share within 10 %, in the loop (64 a batch) and in processes."""
    _fill(function, ledger)
    words = ("--queues", "critical=6,default=3,low=1", "--slots", slots)
    with running_worker(settings, "share_tasks", *words, modules=[tmp_path]):
        first = Counter(line.name for line in islice(ledger.wait("ran", times=1000, timeout_s=60), 1000))
    assert {queue: count / 1000 for queue, count in first.items()} == pytest.approx(SHARES, rel=0.1)


def test_a_plain_list_is_equal_shares_and_strict_is_not(settings: Settings, tmp_path: Path, ledger: Ledger) -> None:
    """Without numbers all queues have the same; a strict worker begins no job before the heavier queues are empty."""
    _fill("note", ledger)
    with running_worker(settings, "share_tasks", "--queues", "low,default,critical", modules=[tmp_path]):
        lines = ledger.wait("ran", times=sum(JOBS.values()), timeout_s=60)
    first = Counter(line.name for line in lines[:600])
    assert {queue: first[queue] / 600 for queue in JOBS} == pytest.approx(dict.fromkeys(JOBS, 1 / 3), rel=0.1)
    ledger.path.unlink()
    _fill("note", ledger)
    words = ("--strict", "--queues", "low,default=3,critical=6")
    with running_worker(settings, "share_tasks", *words, modules=[tmp_path]):
        lines = ledger.wait("ran", times=sum(JOBS.values()), timeout_s=60)
    assert [line.name for line in lines] == [queue for queue, count in JOBS.items() for _ in range(count)]


def test_a_queue_that_was_at_its_limit_is_heard_again(settings: Settings, tmp_path: Path) -> None:
    """Twenty jobs one after the other, coroutines and not: none waits for the look that is taken once a second."""

    async def one(number: int) -> int:
        return number

    def other(number: int) -> int:
        return number

    with running_worker(settings, "share_tasks", "--queue-concurrency", "default=1", modules=[tmp_path]):
        submit(other, 0).wait(20).wait(20)
        waits_s = []
        for number in range(20):
            job = submit(one if number % 2 else other, number).wait(20)
            assert job.wait(20) == number
            record = job.info().wait(5)
            assert record.started_at
            assert record.due_at
            waits_s.append((record.started_at - record.due_at).total_seconds())
    # whatever else the machine does: a job that waited for the look waited for most of that time
    assert median(waits_s) < POLL_S / 2


def test_queues_have_their_own_concurrency(server: Server, settings: Settings, tmp_path: Path, ledger: Ledger) -> None:
    """Five contracts and one message at once in one worker, also where it has two engines."""
    gate = tmp_path / "gate"
    for queue in ("contracts", "messages"):
        options(queue=queue).submit_map("hold", [queue] * 8, [str(ledger.path)] * 8, [str(gate)] * 8).wait(20)
    words = ("--queues", "contracts,messages", "--queue-concurrency", "contracts=5,messages=1", "--processes", "2")
    with (
        running_worker(settings, "share_tasks", *words, modules=[tmp_path]) as worker,
        server.client() as client,
    ):
        wait_until(lambda: len(worker.engines()) == 2, 20)

        def held() -> dict[str, int]:
            return {queue: client.zcount(f"arq:queue:{queue}", 9e15, "+inf") for queue in ("contracts", "messages")}

        wait_until(lambda: held() == {"contracts": 5, "messages": 1}, 20)
        ledger.wait("begun", times=6)
        gate.touch()
        ledger.wait("ended", times=16, timeout_s=60)
    at_once: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for line in ledger.lines():
        at_once[line.name] += 1 if line.word == "begun" else -1
        most[line.name] = max(most[line.name], at_once[line.name])
    assert most == {"contracts": 5, "messages": 1}
