"""Interrupting a cell that waits for jobs, whatever it waits with: it ends soon, the jobs go on, one line says so."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from tests.notebook.kernels import Kernel, Message, running_kernel
from tests.servers import running_server
from tests.waiting import SLACK

SOON_S = 0.5
BEGIN = """
%load_ext nbqueue
import asyncio, time
from tqdm.asyncio import tqdm_asyncio
async def result(job):
    return await job
quiet = nbqueue.options(queue="nobody")
jobs = [await quiet.submit(sum, [n]) for n in range(2)]
job, other = jobs
group = await quiet.submit_map(sum, [[1], [2]])
"""
ONE = "stopped waiting; {job} goes on"
GROUP = "stopped waiting; the group of 2 jobs goes on (group.cancel() stops it)"
#: a cell that notes when its waiting ended, on the clock of the machine
TIMED = "print('here')\ntry:\n    {code}\nfinally:\n    stopped = time.monotonic()"
#: what stops by itself, and is one line
LINES = {
    "await job": ONE,
    "job.wait()": ONE,
    "await asyncio.sleep(0); job.wait()": ONE,
    "async for event in job.events(): pass": ONE,
    "for event in job.events(): pass": ONE,
    "async with asyncio.timeout(100): await job": ONE,
    "await group": GROUP,
    "group.wait()": GROUP,
    "async for each in group.as_completed(): pass": GROUP,
    "%%job --wait --queue nobody\n1": "stopped waiting; job ",
}
BOTH = ("{job}", "{other}", " go on", "cancel() stops them")
#: what is asyncio's, with a line below its error
BELOW = {
    "await asyncio.gather(*jobs)": ("{job} goes on", "{other} goes on: await it again, or cancel() stops it"),
    "await asyncio.wait([asyncio.ensure_future(each) for each in jobs])": BOTH,
    "for each in asyncio.as_completed(jobs): await each": BOTH,
    "async with asyncio.TaskGroup() as tasks: [tasks.create_task(result(each)) for each in jobs]": BOTH,
    "await tqdm_asyncio.gather(*jobs, disable=True)": BOTH,
    "for each in tqdm_asyncio.as_completed(jobs, disable=True): await each": BOTH,
}
# a task of its own until 3.11
if sys.version_info >= (3, 12):
    LINES["await asyncio.wait_for(job, 100)"] = ONE
else:
    BELOW["await asyncio.wait_for(job, 100)"] = (f"{ONE}: await it again, or cancel() stops it",)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose jobs run nowhere, and in which an error was shown before: the first one takes long."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    environ = {"NBQUEUE_HOME": str(home), "HOME": str(home)}
    with running_server() as server, running_kernel(NBQUEUE_URL=server.url, **environ) as kernel:
        kernel.run(BEGIN)
        kernel.client.execute("await asyncio.wait_for(nothing, 1)", stop_on_error=False)
        kernel.until(lambda message: bool(message["msg_type"] == "error"))
        yield kernel


@pytest.mark.parametrize("code", LINES)
def test_a_wait_of_ours_ends_in_one_line(kernel: Kernel, code: str) -> None:
    """The cell ends within half a second, its error is the line, and the job goes on."""
    error, below, took_s = interrupted(kernel, code)
    assert (took_s < SOON_S * SLACK, error.count("\n"), below) == (True, 0, "")
    assert LINES[code].format_map(names(kernel)) in error
    assert kernel.printed("print({await each.state() for each in jobs})") == "{<State.QUEUED: 'queued'>}\n"


@pytest.mark.parametrize("code", BELOW)
def test_a_wait_of_asyncio_has_the_line_below(kernel: Kernel, code: str) -> None:
    """The cell ends within half a second, a line below the error names what goes on, and how to come back or end it."""
    error, below, took_s = interrupted(kernel, code)
    assert (took_s < SOON_S * SLACK, below.count("\n")) == (True, 1)
    assert [words for words in BELOW[code] if words.format_map(names(kernel)) not in error + below] == []
    assert kernel.printed("print({await each.state() for each in jobs})") == "{<State.QUEUED: 'queued'>}\n"


def test_a_wait_of_nothing_of_ours_is_left_alone(kernel: Kernel) -> None:
    """Where no job was waited for in the cell nothing is said, also while a task of another cell waits for one."""
    kernel.run("task = asyncio.ensure_future(job)")
    _, below, _ = interrupted(kernel, "await asyncio.wait_for(asyncio.sleep(0.5), 100)")
    assert below == ""
    kernel.run("task.cancel()")


def names(kernel: Kernel) -> dict[str, str]:
    """What the two jobs are called."""
    first, second = kernel.printed("print(job.id, other.id)").split()
    return {"job": f"job {first}", "other": f"job {second}"}


def interrupted(kernel: Kernel, code: str) -> tuple[str, str, float]:
    """What the error of an interrupted cell says, what stands below it, and seconds from the interrupt to its end."""
    begin = len(kernel.messages)
    request = kernel.client.execute(code if code.startswith("%%") else TIMED.format(code=code), stop_on_error=False)
    # what it prints or shows arrives when it waits already
    kernel.until(lambda message: is_of(message, request, "stream") or is_of(message, request, "display_data"))
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    error = kernel.until(lambda message: is_of(message, request, "error"))
    stopped = time.monotonic()
    kernel.until(lambda message: is_of(message, request, "status") and message["content"]["execution_state"] == "idle")
    printed = (item["content"]["text"] for item in kernel.messages[begin:] if item["msg_type"] == "stream")
    below = "".join(printed).removeprefix("here\n")
    if not code.startswith("%%"):
        # drawing the error takes some more on a busy machine
        stopped = float(kernel.printed("print(stopped)"))
    return "\n".join(error["content"]["traceback"]), below, stopped - began


def is_of(message: Message, request: str, kind: str) -> bool:
    """Whether a message of this kind belongs to that request."""
    return bool(message["msg_type"] == kind and message["parent_header"].get("msg_id") == request)
