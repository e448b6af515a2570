"""Runs in children: values, errors, crashes."""

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from nbqueue import inside
from nbqueue.children.courier import DEAF
from nbqueue.children.pool import Children
from nbqueue.model.outcome import Returned
from nbqueue.worker.verdict import describe
from tests.children.listening import Heard, a_run, death_of, error_of, open_children, value_of
from tests.waiting import until


def double(value: int) -> int:
    """Twice the value."""
    return value * 2


def process_id() -> int:
    """The process it runs in."""
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


async def test_a_result_over_the_limit_is_refused_in_the_child(heard: Heard) -> None:
    """A result that is too large ends the job with an error that names size and limit; the child lives."""
    async with open_children(heard, slots=1, result_limit_bytes=1_000_000) as children:
        end = await children.begin(a_run(bytes, 2_000_000)).wait()
        assert error_of(end).startswith("PayloadTooLarge: The result is 2.0 MB, and 1.0 MB are allowed")
        assert len(value_of(await children.begin(a_run(bytes, 900_000)).wait())) == 900_000


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
    Path("tasks_of_test.py").write_text(  # noqa: ASYNC240 - nothing else runs yet
        "from nbqueue.model.task import register\nregister(lambda a, b=1: {'sum': a + b}, 'add')\n", encoding="utf-8"
    )
    async with open_children(heard, slots=1, modules=["tasks_of_test", "no_such_module"]) as children:
        payload = json.dumps({"args": [2], "kwargs": {"b": 3}}).encode()
        end = await children.begin(a_run(double, function="add", payload=payload, codec="json")).wait()
        assert end.end == Returned(b'{"sum":5}', "json")
        unknown = await children.begin(a_run(double, function="os.system", payload=payload, codec="json")).wait()
        assert error_of(unknown) == (
            'UnknownFunction: No function is registered here as "os.system": the names known are add.'
        )


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


async def test_nonsense_on_the_control_socket_ends_the_child(children: Children) -> None:
    """A child whose bytes are no frames is killed, and its run ends as a death that says why."""

    def writes_nonsense() -> None:
        import time

        for entry in os.scandir("/proc/self/fd"):
            if str(Path(entry.path).readlink()).startswith("socket"):
                os.write(int(entry.name), b"\xff" * 64)
        time.sleep(60)

    died = death_of(await children.begin(a_run(writes_nonsense)).wait())
    assert died.signal == 9
    assert died.reason.startswith("it did not keep to what it may say to its worker (a frame of ")
    assert describe(died).startswith("Its process was ended: it did not keep to what")
    assert value_of(await children.begin(a_run(double, 1)).wait()) == 2


async def test_a_loop_child_that_closed_its_line_is_killed(children: Children) -> None:
    """The reason says so; a child whose line ends because it dies is not said to have closed it."""

    async def closes() -> None:
        import time

        for entry in os.scandir("/proc/self/fd"):
            if os.readlink(entry.path).startswith("socket"):  # noqa: PTH115 - of no use to a loop that blocks
                os.close(int(entry.name))
        time.sleep(60)  # noqa: ASYNC251 - nothing may tell the loop

    died = death_of(await asyncio.wait_for(children.begin(a_run(closes, run_in="async")).wait(), 5))
    assert died.signal == 9
    assert died.reason.startswith("it did not keep to what it may say to its worker (it closed its connection")
    killed = death_of(await children.begin(a_run(os.kill, 0, signal.SIGKILL)).wait())
    assert (killed.signal, killed.reason) == (9, "")


async def test_a_child_that_closed_its_line_ends(children: Children, heard: Heard) -> None:
    """What closes all descriptors, as a daemon does, cannot tell its end: its process ends instead, and says why."""
    run = a_run(os.closerange, 3, 1000)
    died = death_of(await asyncio.wait_for(children.begin(run).wait(), 5))
    assert died.exit_code == DEAF
    assert heard.logs[run.job_id] == (
        "nbqueue: code in this job closed file descriptors that it did not open, the line to the worker among them.\n"
    )
    assert value_of(await children.begin(a_run(double, 1)).wait()) == 2


async def test_a_run_whose_zygote_is_killed_says_so(children: Children) -> None:
    """It went down with the process it was forked from, not for want of memory."""
    running = children.begin(a_run(signal.pause))
    await until(lambda: running.started and children.zygote_pids[""])
    os.kill(children.zygote_pids[""] or 0, signal.SIGKILL)
    assert describe(death_of(await running.wait())) == (
        "Its process was ended: the process that it was forked from was lost."
    )
