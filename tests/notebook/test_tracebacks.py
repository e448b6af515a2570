"""What a notebook shows of an error of nbqueue: the user's own lines and one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, displayed, running_kernel
from tests.workers import running_worker

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: a path, or a frame, of the package
OURS = re.compile(r"nbqueue/\w+|nbqueue\.\w+\.\w+ ")


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel with a job that nobody runs."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run("%load_ext nbqueue\njob = await nbqueue.options(queue='nobody').submit(sum, [1, 2])")
        yield kernel


def traceback(kernel: Kernel, code: str) -> str:
    """What is shown of the error that a cell ends with, without colours."""
    request = kernel.client.execute(code, stop_on_error=False)

    def is_error(message: Any) -> bool:
        return bool(message["msg_type"] == "error" and message["parent_header"].get("msg_id") == request)

    return COLOURS.sub("", "\n".join(kernel.until(is_error)["content"]["traceback"]))


CELLS = {
    "JobCancelled": "await job.cancel()\nawait job  # mine",
    "NotSendable": "import threading\nawait submit(print, threading.Lock())  # mine",
    "JobLost": "(await nbqueue.attach('nosuch'))  # mine",
    "ConfigurationError": "nbqueue.options(queue='/').submit(sum, [])  # mine",
    "BrokerUnavailable": "nbqueue.configure(url='redis://127.0.0.1:1/0', connect_timeout_s=0.5)\n"
    "await submit(sum, [1])  # mine",
}


@pytest.mark.parametrize("name", CELLS)
def test_an_error_is_the_users_line_and_a_sentence(kernel: Kernel, name: str) -> None:
    """The cell's own line is marked, the sentence stands below it, and nothing of the package is between them."""
    found = traceback(kernel, CELLS[name])
    assert "Cell In[" in found
    assert re.search(r"^-+> \d+ .*# mine$", found, re.MULTILINE)
    assert re.search(rf"^{name}: \S+ .*\.$", found, re.MULTILINE)
    assert OURS.findall(found) == []


#: errors of Python and asyncio that come of a wait; each has a line of the user's and none of ours
WAITS = {
    "asyncio.timeout": ("async with asyncio.timeout(0.1):  # mine\n    await job", "TimeoutError"),
    "asyncio.wait_for": ("await asyncio.wait_for(job, 0.1)  # mine", "TimeoutError"),
    "a stream": ("async with asyncio.timeout(0.1):  # mine\n    async for _ in job.events(): pass", "TimeoutError"),
    "wait": ("job.wait(0.1)  # mine", "TimeoutError"),
    "a map over nothing": ("submit_map(print, 5)  # mine", "ConfigurationError"),
    "a call that cannot be made": ("submit(lambda a: a)  # mine", "NotSendable"),
}


def test_what_a_wait_ends_with_is_the_users_line_too(kernel: Kernel) -> None:
    """Where asyncio raises, what was cancelled for it shows no frame of the package either."""
    kernel.run("import asyncio")
    for code, name in WAITS.values():
        found = traceback(kernel, code)
        assert (name in found, "# mine" in found, OURS.findall(found)) == (True, True, []), found


def test_a_function_of_the_user_between_is_shown(kernel: Kernel) -> None:
    """Every frame of the user down to the call is there, with what the user had handled before."""
    found = traceback(
        kernel,
        "def wanted():\n    try:\n        1 / 0\n    except ZeroDivisionError:\n"
        "        nbqueue.options(queue='/').submit(sum, [])\nwanted()",
    )
    assert re.findall(r"^-+> \d+ +(.*)$", found, re.MULTILINE)[-2:] == [
        "wanted()", "nbqueue.options(queue='/').submit(sum, [])",
    ]  # fmt: skip
    assert ("ZeroDivisionError: division by zero" in found, OURS.findall(found)) == (True, [])


def test_all_frames_are_shown_when_asked_for(kernel: Kernel) -> None:
    """After %xmode Verbose the same error shows the frames of nbqueue too."""
    traceback(kernel, CELLS["JobCancelled"])
    found = traceback(kernel, "%xmode Verbose\nawait job")
    assert "nbqueue/client/handle.py" in found


def test_an_error_that_the_user_raises_is_shown_whole(kernel: Kernel) -> None:
    """Where nothing of nbqueue is in the traceback, nothing is left out."""
    found = traceback(kernel, "def mine():\n    raise nbqueue.SkipRetry('no more') from KeyError('a')\nmine()")
    assert ("KeyError: 'a'" in found, "in mine()" in found, "SkipRetry: no more" in found) == (True, True, True)


BROKEN = """class Model:
    def fit(self, number):
        return number / 0

async def awaits(number):
    return (lambda: Model().fit(number))()
"""
#: what each frame of it looks like
FRAMES = (
    "  Cell In[3], line 6, in awaits\n    return (lambda: Model().fit(number))()\n",
    "  Cell In[3], line 3, in fit\n    return number / 0\n",
)


def test_a_job_shows_the_cells_its_code_was_written_in(settings: Settings) -> None:
    """Frames of the notebook's functions are named by their cells, with their lines; the job by its label."""
    environ = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}
    with running_worker(settings, "--slots", "1"), running_kernel(**environ) as kernel:
        kernel.run("%load_ext nbqueue")
        kernel.run("import time")
        kernel.run(BROKEN)
        found = traceback(kernel, "job = await nbqueue.options(label='the fit').submit(awaits, 1)\nawait job")
        shown = traceback(kernel, "%%job --wait --name again\n1\nModel().fit(2)")
        card = displayed(kernel.run("print((await job.info()).error)\njob"))
        card_text = "".join(str(bundle) for bundle in card)
    assert re.match(r"Job \w+ \(the fit\) failed on its worker:\n\nTraceback ", found)
    assert [frame in found for frame in FRAMES] == [True, True]
    assert re.match(r"Job \w+ \(again\) failed on its worker:\n\nTraceback ", shown)
    assert "  Cell In[5], line 3, in <module>\n    Model().fit(2)\n" in shown
    assert FRAMES[1] in shown
    assert "ipykernel" not in found + shown + card_text
    assert "Cell In[3], line 3, in fit" in card_text


PICKY = """
class Picky(Exception):
    def __init__(self, model, *, gap):
        super().__init__(f"{model}: {gap}")
def bad():
    raise Picky("m", gap=1)
await nbqueue.run(bad)
"""


def test_ends_that_only_a_worker_can_tell_of(settings: Settings) -> None:
    """A time limit and a lost result look the same; an error that cannot be rebuilt shows why, below its traceback."""
    environ = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}
    with running_worker(settings, "--slots", "1"), running_kernel(**environ) as kernel:
        kernel.run("%load_ext nbqueue\nimport os, time")
        for name, code in (
            ("JobTimeout", "await nbqueue.options(timeout=0.2).run(time.sleep, 60)  # mine"),
            ("ResultExpired", "job = await nbqueue.options(keep_result=0).submit(sum, [1])\nawait job  # mine"),
        ):
            found = traceback(kernel, code)
            assert (f"\n{name}: " in found, "# mine" in found, OURS.findall(found)) == (True, True, [])
        found = traceback(kernel, PICKY)
    assert 'raise Picky("m", gap=1)' in found
    assert "Picky: m: 1\n\n(The Picky itself could not be sent, so __cause__ is None: pickle makes it anew as" in found
    assert found.endswith("JobFailed: Picky: m: 1")
