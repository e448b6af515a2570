"""Runs in children: values, errors, crashes, and what one run leaves for the next."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbqueue import inside
from nbqueue.broker import codec
from nbqueue.inside import JobInfo
from nbqueue.model.outcome import Returned
from nbqueue.worker.children import Children
from tests.waiting import until
from tests.worker.listening import Heard, a_run, death_of, error_of, value_of


@pytest.fixture
def heard() -> Heard:
    """What the children's runs reported."""
    return Heard()


@pytest.fixture
async def children(heard: Heard) -> AsyncIterator[Children]:
    """Children with one slot."""
    found = Children(heard, slots=1)
    await found.start()
    yield found
    await found.close()


def double(value: int) -> int:
    return value * 2


def process_id() -> int:
    return os.getpid()


async def test_a_function_gives_its_value(children: Children) -> None:
    """What the function returns comes back encoded, with processor time and peak memory."""
    end = await children.begin(a_run(double, 21)).wait()
    assert value_of(end) == 42
    assert end.stopped_by is None
    assert not end.over_limit
    assert end.cpu_s is not None
    assert end.peak_memory_bytes is not None
    assert end.peak_memory_bytes > 1_000_000


async def test_an_error_comes_back_as_text(children: Children) -> None:
    """An error has its type, message and the traceback from the job's own code on."""

    def fails() -> None:
        raise ValueError("no such instance")

    end = await children.begin(a_run(fails)).wait()
    assert error_of(end) == "ValueError: no such instance"
    assert "in fails" in end.end.error.traceback  # type: ignore[union-attr]


async def test_a_system_exit_is_an_error_of_the_job(children: Children) -> None:
    """`sys.exit()` in a job ends the job, not its process."""
    first = await children.begin(a_run(process_id)).wait()
    assert error_of(await children.begin(a_run(sys.exit, "done")).wait()) == "SystemExit: done"
    assert value_of(await children.begin(a_run(process_id)).wait()) == value_of(first)


async def test_an_exit_code_is_told(children: Children) -> None:
    """`os._exit` is a death with an exit code; the next run has a new process."""
    assert death_of(await children.begin(a_run(os._exit, 3)).wait()).exit_code == 3
    assert value_of(await children.begin(a_run(double, 1)).wait()) == 2


async def test_a_segfault_comes_with_its_stack(children: Children) -> None:
    """A crash in native code tells the signal, and where the code was."""

    def crashes() -> None:
        import ctypes

        ctypes.string_at(0)

    died = death_of(await children.begin(a_run(crashes)).wait())
    assert died.signal == signal.SIGSEGV
    assert died.stack.startswith("Fatal Python error: Segmentation fault")
    assert "in crashes" in died.stack


async def test_a_killed_child_is_told_at_once(children: Children) -> None:
    """A child killed from outside ends its run as a death by signal 9 within a second; the next run is well."""

    def waits() -> None:
        import time

        inside.progress(1)
        time.sleep(60)

    running = children.begin(a_run(waits))
    await until(lambda: running.started and running.pid)
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    ended = await until(running.ended.done, 1.0)
    assert ended
    end = running.ended.result()
    assert (death_of(end).signal, end.collateral) == (9, False)
    assert value_of(await children.begin(a_run(double, 1)).wait()) == 2


async def test_a_child_killed_while_idle_costs_no_run(children: Children) -> None:
    """A run given to a child that is already dead is given to another."""
    pid = value_of(await children.begin(a_run(process_id)).wait())
    os.kill(pid, signal.SIGKILL)
    assert value_of(await children.begin(a_run(process_id)).wait()) != pid


async def test_a_pool_child_is_used_again(children: Children) -> None:
    """Runs that leave nothing behind share a warm process."""
    pids = {value_of(await children.begin(a_run(process_id)).wait()) for _ in range(5)}
    assert len(pids) == 1


async def test_a_fresh_child_is_used_once(children: Children) -> None:
    """With isolation "fresh" each run has a process of its own."""
    pids = {value_of(await children.begin(a_run(process_id, isolation="fresh")).wait()) for _ in range(3)}
    assert len(pids) == 3


async def test_a_pool_child_is_replaced_after_so_many_runs(heard: Heard) -> None:
    """After `recycle_after` runs a child leaves, running its exit functions, and another takes its place."""

    def registers(path: str) -> int:
        import atexit

        atexit.register(lambda: Path(path).write_text("left", encoding="utf-8"))
        return os.getpid()

    children = Children(heard, slots=1, recycle_after=2)
    await children.start()
    try:
        farewell = Path("farewell").absolute()
        first = value_of(await children.begin(a_run(registers, str(farewell))).wait())
        pids = [value_of(await children.begin(a_run(process_id)).wait()) for _ in range(3)]
        assert pids[0] == first
        assert first not in pids[1:]
        await until(farewell.exists)
        await until(lambda: not psutil.pid_exists(first))
    finally:
        await children.close()


async def test_a_run_finds_nothing_of_the_one_before(children: Children) -> None:
    """Folder, environment, streams, import path, logging and signals are put back between runs."""

    def messes_up() -> int:
        os.chdir("/")
        os.environ["LEFT"] = "yes"
        sys.path.append("/left")
        sys.stdout = sys.stderr = None  # type: ignore[assignment]
        logging.getLogger().setLevel(logging.CRITICAL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return os.getpid()

    def looks() -> tuple[Any, ...]:
        print("seen")
        return (
            os.getpid(), str(Path.cwd()), os.environ.get("LEFT"), "/left" in sys.path, logging.getLogger().level,
            signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        )  # fmt: skip

    pid = value_of(await children.begin(a_run(messes_up)).wait())
    seen = value_of(await children.begin(a_run(looks)).wait())
    assert seen == (pid, str(Path.cwd()), None, False, logging.INFO, False)


async def test_a_child_with_threads_left_is_replaced(children: Children) -> None:
    """A thread that outlives its run takes its process along."""

    def leaves_a_thread() -> int:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return os.getpid()

    pid = value_of(await children.begin(a_run(leaves_a_thread)).wait())
    assert value_of(await children.begin(a_run(process_id)).wait()) != pid


async def test_nothing_of_ours_is_in_a_child(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child sees none of nbqueue's variables, and holds open only its streams and its control socket."""
    found = Children(Heard(), slots=1)
    monkeypatch.setenv("NBQUEUE_URL", "redis://:secret@somewhere")
    await found.start()
    try:

        def looks() -> tuple[list[str], list[str]]:
            files = [os.readlink(entry.path) for entry in os.scandir("/proc/self/fd")]
            return [name for name in os.environ if name.startswith("NBQUEUE")], sorted(files)

        names, files = value_of(await found.begin(a_run(looks)).wait())
    finally:
        await found.close()
    kinds = [file.partition(":")[0] for file in files]
    assert names == []
    assert kinds.count("socket") == 1
    assert files.count("/dev/null") == 1
    # its output on 1 and 2, both ends of the wake-up pipe of its own thread, the folder being listed
    assert kinds.count("pipe") == 4
    assert len(files) == 7


async def test_a_result_over_the_limit_is_refused_in_the_child(heard: Heard) -> None:
    """A result that is too large ends the job with an error that names size and limit; the child lives."""
    children = Children(heard, slots=1, result_limit_bytes=1_000_000)
    await children.start()
    try:
        end = await children.begin(a_run(bytes, 2_000_000)).wait()
        assert error_of(end).startswith("PayloadTooLarge: The result is 2.0 MB, and 1.0 MB are allowed")
        assert len(value_of(await children.begin(a_run(bytes, 900_000)).wait())) == 900_000
    finally:
        await children.close()


async def test_a_result_that_cannot_travel_is_an_error(children: Children) -> None:
    """What cannot be encoded ends the job with the path to the part at fault."""

    def gives_a_lock() -> dict[str, Any]:
        return {"lock": threading.Lock()}

    assert "NotSendable" in error_of(await children.begin(a_run(gives_a_lock)).wait())


async def test_large_calls_and_results_pass_whole(children: Children) -> None:
    """Ten megabytes go in and come out as they were."""

    def turned(data: bytes) -> bytes:
        return data[::-1]

    data = os.urandom(10_000_000)
    assert value_of(await children.begin(a_run(turned, data)).wait()) == data[::-1]


async def test_a_registered_function_is_called_by_name(heard: Heard) -> None:
    """With codec "json" arguments and result are JSON, and the function is one that the modules registered."""
    Path("tasks_of_test.py").write_text(
        "from nbqueue.model.task import register\nregister(lambda a, b=1: {'sum': a + b}, 'add')\n", encoding="utf-8"
    )
    children = Children(heard, slots=1, modules=["tasks_of_test", "no_such_module"])
    await children.start()
    try:
        payload = json.dumps({"args": [2], "kwargs": {"b": 3}}).encode()
        end = await children.begin(a_run(double, function="add", payload=payload, codec="json")).wait()
        assert end.end == Returned(b'{"sum":5}', "json")
        unknown = await children.begin(a_run(double, function="os.system", payload=payload, codec="json")).wait()
        assert error_of(unknown) == (
            'UnknownFunction: No function is registered here as "os.system": the names known are add.'
        )
    finally:
        await children.close()


async def test_runs_wait_for_a_slot_in_their_order(children: Children) -> None:
    """More runs than slots wait their turn."""

    def moment() -> float:
        import time

        return time.monotonic()

    ends = [value_of(await running.wait()) for running in [children.begin(a_run(moment)) for _ in range(20)]]
    assert ends == sorted(ends)


async def test_an_async_function_may_run_in_a_process_of_its_own(children: Children) -> None:
    """A coroutine function run in a process has an event loop there."""

    async def answers() -> str:
        import asyncio

        await asyncio.sleep(0.01)
        return "done"

    assert value_of(await children.begin(a_run(answers)).wait()) == "done"


async def test_a_job_knows_itself(children: Children) -> None:
    """`current_job()` tells id, attempt, function, queue, label, tags, group, processors and limit."""
    run = a_run(inside.current_job, attempt=2, queue="night", label="la16", tags=("a", "b"), group="g", cpus=2,
                timeout_s=60.0)  # fmt: skip
    assert value_of(await children.begin(run).wait()) == JobInfo(
        id=run.job_id, attempt=2, function="current_job", queue="night", label="la16", group="g", tags=("a", "b"),
        cpus=2, timeout_s=60.0,
    )  # fmt: skip


async def test_checkpoints_reach_the_next_attempt(children: Children, heard: Heard) -> None:
    """A checkpoint is out when `checkpoint()` returns, even if the process dies right after it."""

    def keeps_and_dies() -> None:
        inside.checkpoint({"best": 930})
        os._exit(1)

    first = a_run(keeps_and_dies)
    assert death_of(await children.begin(first).wait()).exit_code == 1
    [kept] = heard.checkpoints[first.job_id]
    assert codec.load_value(kept) == {"best": 930}
    again = a_run(inside.last_checkpoint, checkpoint=kept)
    assert value_of(await children.begin(again).wait()) == {"best": 930}


async def test_grandchildren_are_gone_when_their_run_ends(children: Children) -> None:
    """Processes that a job leaves behind are killed before its end is told, those in other sessions too."""

    def leaves_processes() -> list[int]:
        import subprocess

        shell = "setsid sleep 600 >/dev/null 2>&1 & echo $!"
        orphan = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)
        own = [subprocess.Popen(["sleep", "600"], start_new_session=alone) for alone in (False, True)]
        return [int(orphan.stdout), *(process.pid for process in own)]

    pids = value_of(await children.begin(a_run(leaves_processes)).wait())
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []


async def test_a_forked_copy_does_not_speak_for_its_job(children: Children, heard: Heard) -> None:
    """A process forked by user code reports nothing; the job itself goes on."""

    def forks() -> str:
        pid = os.fork()
        if pid == 0:
            inside.progress(99)
            inside.log("from the copy")
            os._exit(0)
        os.waitpid(pid, 0)
        inside.progress(1)
        return "whole"

    run = a_run(forks)
    assert value_of(await children.begin(run).wait()) == "whole"
    assert heard.reports[run.job_id] == [{"done": 1}]


async def test_nonsense_on_the_control_socket_ends_the_child(children: Children) -> None:
    """A child whose bytes are no frames is killed, and its run ends as a death."""

    def writes_nonsense() -> None:
        import time

        for entry in os.scandir("/proc/self/fd"):
            if os.readlink(entry.path).startswith("socket"):
                os.write(int(entry.name), b"\xff" * 64)
        time.sleep(60)

    assert death_of(await children.begin(a_run(writes_nonsense)).wait()).signal == 9
    assert value_of(await children.begin(a_run(double, 1)).wait()) == 2
