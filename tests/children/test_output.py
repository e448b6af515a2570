"""What runs write: native output and prints in their order, attributed, decoded, bounded."""
# ruff: noqa: T201 - what is printed is what is tested

import ctypes
import os
import sys
import time

import psutil

from nbqueue import inside
from nbqueue.children.pool import Children
from tests.children.listening import Heard, a_run, death_of, open_children, value_of
from tests.waiting import SLACK, until

MEGABYTE = 1_000_000


async def test_all_ways_of_writing_reach_the_log_in_their_order(children: Children, heard: Heard) -> None:
    """Prints, logging, writes to the descriptor, C's own stream and processes of the job share one log."""

    def writes() -> None:
        import logging
        import subprocess

        print("printed")
        os.write(1, b"written\n")
        logging.getLogger("solver").info("logged")
        logging.getLogger("solver").debug("not shown")
        ctypes.CDLL(None).puts(b"put by C")
        print("on stderr", file=sys.stderr)
        subprocess.run(["echo", "by a process"], check=True)
        inside.log("by", "log()", 1)
        print("no end", end="")

    run = a_run(writes)
    value_of(await children.begin(run).wait())
    assert heard.logs[run.job_id] == (
        "printed\nwritten\nINFO solver: logged\nput by C\non stderr\nby a process\nby log() 1\nno end"
    )


async def test_output_is_its_own_runs(children: Children, heard: Heard) -> None:
    """All that a run wrote is delivered before its end, and nothing of it to the next run."""

    def writes(name: str) -> None:
        ctypes.CDLL(None).printf(b"held back by C %s\n", name.encode())
        print(name, end="")

    runs = [a_run(writes, name) for name in "abc"]
    for run in runs:
        await children.begin(run).wait()
    assert [heard.logs[run.job_id] for run in runs] == [f"held back by C {name}\n{name}" for name in "abc"]


async def test_output_arrives_while_the_code_runs(children: Children, heard: Heard) -> None:
    """A line is seen soon after it was written, also one that native code wrote."""

    def writes_and_waits() -> None:
        ctypes.CDLL(None).puts(b"native")
        print("mine")
        time.sleep(60)

    run = a_run(writes_and_waits, kill_after_s=0.1)
    running = children.begin(run)
    await until(lambda: heard.logs[run.job_id] == "native\nmine\n", 3.0)
    running.stop("cancel")
    await running.wait()


async def test_bytes_that_are_no_text_are_replaced(children: Children, heard: Heard) -> None:
    """Undecodable output does no harm; characters cut by a read are whole."""

    def writes() -> None:
        os.write(1, b"caf\xc3")
        time.sleep(0.05)
        os.write(1, b"\xa9 \xff\n")
        print("\udce9")

    run = a_run(writes)
    value_of(await children.begin(run).wait())
    assert heard.logs[run.job_id] == "café �\n\\udce9\n"


async def test_a_flood_is_cut_and_does_no_harm(heard: Heard) -> None:
    """Of 200 MB written at once about a megabyte a second is kept, with marks and the end; memory stays flat."""

    def floods() -> None:
        line = b"x" * 99_999 + b"\n"
        for _ in range(2_000):
            os.write(1, line)
        print("the last word")

    async with open_children(heard, slots=2) as children:
        before = psutil.Process().memory_info().rss
        run = a_run(floods)
        flooding = children.begin(run)
        await until(lambda: heard.logs[run.job_id])
        began = time.monotonic()
        assert value_of(await children.begin(a_run(int, 5)).wait()) == 5
        assert time.monotonic() - began < SLACK
        value_of(await flooding.wait())
        log = heard.logs[run.job_id]
    assert len(log) < 20 * MEGABYTE
    assert " MB of output dropped ...]" in log
    assert log.endswith("the last word\n")
    assert psutil.Process().memory_info().rss - before < 50 * MEGABYTE


async def test_a_flood_of_prints_in_a_loop_is_cut_in_the_child(children: Children, heard: Heard) -> None:
    """A coroutine that prints without end sends about a megabyte at once, and says what it dropped."""

    async def floods() -> None:
        for _ in range(50):
            print("y" * 100_000)

    run = a_run(floods, run_in="async")
    value_of(await children.begin(run).wait())
    assert len(heard.logs[run.job_id]) < 2 * MEGABYTE
    assert "MB of output dropped ...]" in heard.logs[run.job_id]


async def test_a_memory_limit_holds_for_the_process_group(children: Children) -> None:
    """A job over its limit is killed; its end names the limit and the peak."""

    def grows() -> None:
        held = []
        while True:
            held.append(bytearray(os.urandom(1_000_000)))
            time.sleep(0.002)

    end = await children.begin(a_run(grows, memory_bytes=150 * MEGABYTE)).wait()
    died = death_of(end)
    assert (died.signal, died.memory_limit_bytes, end.collateral) == (9, 150 * MEGABYTE, False)
    assert end.peak_memory_bytes is not None
    assert 150 * MEGABYTE < end.peak_memory_bytes < 400 * MEGABYTE


async def test_memory_of_processes_below_counts(children: Children) -> None:
    """What a job's own processes hold is part of its limit; what they share counts once."""

    def starts_a_large_process() -> None:
        import subprocess

        code = "import os, time; held = os.urandom(200_000_000); time.sleep(60)"
        subprocess.run([sys.executable, "-c", code], check=True)

    died = death_of(await children.begin(a_run(starts_a_large_process, memory_bytes=150 * MEGABYTE)).wait())
    assert died.memory_limit_bytes == 150 * MEGABYTE


async def test_a_limit_on_a_coroutine_gives_it_a_process(children: Children) -> None:
    """A coroutine with a memory limit has a child to itself, so that only it is killed."""

    async def grows() -> None:
        held = bytearray(os.urandom(300 * MEGABYTE))
        time.sleep(60)  # noqa: ASYNC251 - it must be caught while it does not yield
        del held

    end = await children.begin(a_run(grows, run_in="async", memory_bytes=150 * MEGABYTE)).wait()
    assert (death_of(end).memory_limit_bytes, end.neighbours) == (150 * MEGABYTE, 0)
