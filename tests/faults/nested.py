"""Jobs that submit jobs, and write into the ledger what they have really done."""

import asyncio
import time
from pathlib import Path

import nbqueue
from nbqueue import options, run, submit, submit_map
from tests.faults.bodies import note


def message(ledger: str, number: int, seconds: float = 0.0) -> int:
    """One message of a contract."""
    time.sleep(seconds)
    note(ledger, "message", str(number))
    return number


async def message_async(ledger: str, number: int) -> int:
    """The same as a coroutine."""
    await asyncio.sleep(0)
    note(ledger, "message", str(number))
    return number


def contract(ledger: str, messages: int, seconds: float = 0.0) -> int:
    """Split into messages, and add up what they give."""
    note(ledger, "contract", "begin")
    found = submit_map(message, [ledger] * messages, range(messages), [seconds] * messages).wait().wait()
    note(ledger, "contract", "end")
    return sum(found)


def contract_on(queue: str, ledger: str, messages: int, seconds: float) -> int:
    """The same on a queue of its own."""
    note(ledger, "contract", "begin")
    on = options(queue=queue)
    found = on.submit_map(message, [ledger] * messages, range(messages), [seconds] * messages).wait().wait()
    note(ledger, "contract", "end")
    return sum(found)


async def contract_async(ledger: str, messages: int) -> int:
    """The same as a coroutine."""
    note(ledger, "contract", "begin")
    return sum(await (await submit_map(message_async, [ledger] * messages, range(messages))))


def tree(depth: int, width: int) -> int:
    """How many jobs a tree of them has."""
    if not depth:
        return 1
    return 1 + sum(submit_map(tree, [depth - 1] * width, [width] * width).wait().wait())


async def tree_async(depth: int, width: int) -> int:
    """The same as coroutines."""
    if not depth:
        return 1
    return 1 + sum(await (await submit_map(tree_async, [depth - 1] * width, [width] * width)))


def in_threads(ledger: str, messages: int) -> int:
    """Wait in threads of the job's own while its main thread waits for those."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(lambda number: run(message, ledger, number).wait(), range(messages)))


def same_twice_on(queue: str, ledger: str, gate: str) -> list[int]:
    """Submit one call twice, and another after it; wait for the gate before the end."""
    jobs = [options(queue=queue).submit(message, ledger, number).wait() for number in (7, 7, 8)]
    found = [job.wait() for job in jobs]
    note(ledger, "contract", "begin")
    while not Path(gate).exists():
        time.sleep(0.02)
    return found


def tries_again(ledger: str) -> int:
    """Ask for another try until a message was sent twice."""
    run(message, ledger, 0).wait()
    tries = len([line for line in Path(ledger).read_text(encoding="utf-8").splitlines() if line.startswith("message")])
    if tries < 2:
        raise nbqueue.RetryLater(0.05)
    return tries


def listens(ledger: str, gate: str) -> str:
    """Look whether it is to stop, and wait for a job that nobody stops."""
    nbqueue.should_stop()
    other = nbqueue.attach(gate).wait()
    note(ledger, "begin", "listens")
    try:
        other.wait()
    except KeyboardInterrupt:
        note(ledger, "stopped", "listens")
        return "stopped"
    return "not stopped"


def leaves_one() -> str:
    """Submit a job that does not start soon."""
    return options(delay=100).submit(len, "four").wait().id


def forks(ledger: str) -> str:
    """Submit from a forked copy of the job's process."""
    import os

    submit(message, ledger, 1).wait()
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            submit(message, ledger, 2)
            said = "submitted"
        except nbqueue.NotInJob as refused:
            said = str(refused)
        os.write(writer, said.encode())
        os._exit(0)
    os.wait()
    return os.read(reader, 10_000).decode()


def low_priority(ledger: str, messages: int) -> int:
    """Submit with a priority of its own."""
    group = options(priority=-5).submit_map(message, [ledger] * messages, range(messages)).wait()
    return group[0].info().wait().priority


def inherits() -> tuple[int, int]:
    """The priorities of a job that is submitted without one, and of one submitted by that."""
    job = submit(len, "four").wait()
    below = run(_own_priority).wait()
    return job.info().wait().priority, below


def _own_priority() -> int:
    return submit(len, "four").wait().info().wait().priority


async def waits_for(job_id: str) -> str:
    """Wait for a job of somebody else; what came of it."""
    try:
        return str(await (await nbqueue.attach(job_id)))
    except nbqueue.NotInJob as refused:
        return str(refused)
