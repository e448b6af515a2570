"""Waiting in the cells of a real kernel, and interrupting it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebook.kernels import Kernel, running_kernel
from tests.servers import Server
from tests.waiting import SLACK, wait_until

SUBMIT = "import nbqueue\njob = await nbqueue.options(queue='nobody').submit(sum, [1, 2])"


@pytest.fixture
def kernel(server: Server) -> Iterator[Kernel]:
    """A kernel whose jobs run nowhere."""
    with running_kernel(NBQUEUE_URL=server.url) as kernel:
        kernel.run(SUBMIT)
        yield kernel


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("await job", "CancelledError"),
        ("job.wait()", "KeyboardInterrupt"),
        ("await nbqueue.run(sum, [3])", "CancelledError"),
    ],
)
def test_interrupting_a_cell_stops_the_waiting(kernel: Kernel, server: Server, cell: str, error: str) -> None:
    """An interrupt lands within half a second and is one line; the job goes on."""
    request = kernel.client.execute(cell)
    kernel.until(lambda message: message["msg_type"] == "execute_input")
    wait_until(lambda: _waits(server))
    begun = time.monotonic()
    kernel.manager.interrupt_kernel()
    told = kernel.until(lambda message: _is_error(message, request))
    assert time.monotonic() - begun < 0.5 * SLACK
    assert told["content"]["ename"] == error
    assert len(told["content"]["traceback"]) == 1
    assert "goes on (job.cancel() stops it)" in told["content"]["traceback"][0]
    kernel.run("assert (await job.state(), await job.cancel()) == ('queued', 'cancelled')")


def test_a_loop_that_waits_keeps_its_timeouts(kernel: Kernel) -> None:
    """asyncio.timeout around a wait in a cell raises TimeoutError, as anywhere."""
    kernel.run(
        "import asyncio\n"
        "try:\n"
        "    async with asyncio.timeout(0.1):\n"
        "        await job\n"
        "except TimeoutError:\n"
        "    print('in time')\n"
        "await job.cancel()"
    )


def test_a_job_that_was_cancelled_is_an_error_of_its_own(kernel: Kernel) -> None:
    """JobCancelled tells a cancelled job from a cancelled wait."""
    kernel.run("await job.cancel()")
    request = kernel.client.execute("await job")
    told = kernel.until(lambda message: _is_error(message, request))
    assert told["content"]["ename"] == "JobCancelled"


def _waits(server: Server) -> bool:
    """Whether a client reads the stream of changes: then the cell waits, and nothing else happens in the kernel."""
    with server.client() as client:
        return any(each["name"] == "nbqueue-client-follow" and each["cmd"] == "xread" for each in client.client_list())


def _is_error(message: Any, request: str) -> bool:
    return bool(message["msg_type"] == "error" and message["parent_header"].get("msg_id") == request)
