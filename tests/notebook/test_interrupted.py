"""Interrupting a cell that waits for jobs, whatever it waits with: it ends soon, the jobs go on, one line says so."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, Message, running_kernel

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
#: what stops by itself, and is one line
LINES = {
    "await job": ONE,
    "job.wait()": ONE,
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
    "await asyncio.wait_for(job, 100)": ("stopped waiting; {job} goes on: await it again, or cancel() stops it",),
    "await asyncio.wait([asyncio.ensure_future(each) for each in jobs])": BOTH,
    "for each in asyncio.as_completed(jobs): await each": BOTH,
    "async with asyncio.TaskGroup() as tasks: [tasks.create_task(result(each)) for each in jobs]": BOTH,
    "await tqdm_asyncio.gather(*jobs, disable=True)": BOTH,
    "for each in tqdm_asyncio.as_completed(jobs, disable=True): await each": BOTH,
}


@pytest.fixture(scope="module")
def kernel(shared_server: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose jobs run nowhere, and in which a traceback was drawn before: the first takes long."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    with running_kernel(NBQUEUE_URL=str(getattr(shared_server, "url")), NBQUEUE_HOME=str(home)) as kernel:  # noqa: B009
        kernel.run("try: await asyncio.wait_for(x, 1)\nexcept NameError: get_ipython().showtraceback()")
        yield kernel


def interrupted(kernel: Kernel, code: str) -> tuple[str, str, float]:
    """What the error of an interrupted cell says, what stands below it, and seconds from the interrupt to its end."""
    begin, request = len(kernel.messages), kernel.client.execute(code, stop_on_error=False)
    kernel.until(lambda message: is_of(message, request, "execute_input"))
    time.sleep(1.0)  # noqa: S311 - it waits for ever: there is no event of that
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    error = kernel.until(lambda message: is_of(message, request, "error"))
    took_s = time.monotonic() - began
    kernel.until(lambda message: is_of(message, request, "status") and message["content"]["execution_state"] == "idle")
    below = "".join(item["content"]["text"] for item in kernel.messages[begin:] if item["msg_type"] == "stream")
    return "\n".join(error["content"]["traceback"]), below, took_s


def is_of(message: Message, request: str, kind: str) -> bool:
    """Whether a message of this kind belongs to that request."""
    return bool(message["msg_type"] == kind and message["parent_header"].get("msg_id") == request)
