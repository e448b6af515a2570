"""How a script ends: without a word, and with all done that it asked for."""

import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from nbqueue.client.queue import Queue
from nbqueue.client.session import session
from nbqueue.client.submitter import options, submit
from nbqueue.model.states import State
from tests.waiting import SLACK

pytestmark = pytest.mark.usefixtures("running_engine")


def test_the_end_of_a_process_is_clean() -> None:
    """A script that leaves jobs and waits behind ends without a word."""
    code = (
        "import nbqueue, threading\n"
        "job = nbqueue.submit(sum, [1, 2]).wait()\n"
        "assert job.wait(5) == 3\n"
        "live = job.live(); other = nbqueue.submit(len, 'abc')\n"
        "late = nbqueue.options(queue='nobody').submit(len, 'abc').wait()\n"
        "threading.Thread(target=lambda: late.wait(60), daemon=True).start()\n"
        "stream = late.events(); next(stream)\n"
    )
    begun = time.monotonic()
    ran = _python(code)
    assert (ran, time.monotonic() - begun < 10 * SLACK) == ((0, "", ""), True)


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("nbqueue.options(queue='last').submit(sum, [1, 2])", 1),
        ("kept = nbqueue.options(queue='last').submit(sum, [1, 2])", 1),
        ("nbqueue.options(queue='last').submit_map(abs, range(3000))", 3000),
        ("nbqueue.options(queue='last').submit(bytes, bytearray(2_000_000))", 1),
    ],
)
def test_what_the_last_line_submits_is_submitted(line: str, count: int) -> None:
    """The end of the script waits until the server has it, however it is named in the address."""
    ran = _python(f"import nbqueue\n{line}\n", NBQUEUE_URL=_url().replace("127.0.0.1", "localhost"))
    assert ran == (0, "", "")
    assert Queue("last").stats().wait(5).queued == count


def test_what_the_last_line_cancels_is_cancelled() -> None:
    """The same of every other verb."""
    job = options(queue="last").submit(abs, -1).wait()
    assert _python(f"import nbqueue\nnbqueue.attach({job.id!r}).wait().cancel()\n") == (0, "", "")
    assert job.state().wait(5) is State.CANCELLED


def test_what_was_called_at_the_end_of_a_job_is_finished() -> None:
    """A callable of `on_done` may wait and submit, longer than the script has lines."""
    code = (
        "import nbqueue, time\n"
        "def done(job):\n"
        "    time.sleep(0.5)\n"
        "    print(job.wait(), nbqueue.submit(abs, -4).wait().wait(20))\n"
        "nbqueue.options(on_done=done).submit(sum, [1, 2]).wait().wait(20)\n"
    )
    assert _python(code) == (0, "3 4\n", "")


def test_the_last_line_is_heard_where_no_server_answers() -> None:
    """What could not be submitted is told of, in one line."""
    code, out, err = _python("import nbqueue\nnbqueue.submit(sum, [1, 2])\n", NBQUEUE_URL="redis://127.0.0.1:1/0")
    assert (code, out, err.count("\n")) == (0, "", 1)
    assert err.startswith("The submit of sum failed, and nobody took the answer: BrokerUnavailable: ")


def test_a_forked_copy_owes_nothing() -> None:
    """What the original has under way is not waited for by its copies, which could wait for ever."""
    pending = submit(bytes, bytearray(5_000_000))
    copy = multiprocessing.get_context("fork").Process(target=abs, args=(1,))
    copy.start()
    copy.join(10)
    assert copy.exitcode == 0
    pending.wait(5).wait(10)


def _url() -> str:
    url = session().settings.url
    assert url is not None
    return url


def _python(code: str, **more: str) -> tuple[int, str, str]:
    environment = {**os.environ, "NBQUEUE_URL": _url(), "PYTHONPATH": os.pathsep.join(sys.path), **more}
    ran = subprocess.run(
        [sys.executable, "-W", "default", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout, ran.stderr
