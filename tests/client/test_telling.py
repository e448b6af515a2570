"""What is called when a job has ended, where no thread can be started for it."""

import logging
import subprocess
import sys
import threading

import pytest

from nbqueue.client.telling import OF_JOB, Calls

#: more than a process can have: no thread with such a stack can be started
STACK_BYTES = 1 << 48


def test_what_cannot_be_called_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """In the log, of each; and what comes after is called again."""
    calls, called = Calls(), threading.Event()
    usual = threading.stack_size(STACK_BYTES)
    try:
        with caplog.at_level(logging.ERROR, "nbqueue"):
            calls.call(lambda _: called.set(), "job 1", OF_JOB)
            calls.call(lambda _: called.set(), "job 2", OF_JOB)
    finally:
        threading.stack_size(usual)
    assert [each.getMessage() for each in caplog.records] == [
        f"on_done of {name!r} failed; the job is not affected. It was not called: can't start new thread."
        for name in ("job 1", "job 2")
    ]
    calls.call(lambda _: called.set(), "job 3", OF_JOB)
    assert called.wait(20)


def test_the_end_of_a_process_takes_no_errand_when_it_has_waited() -> None:
    """It says so to whoever asks: what it took then nobody would call."""
    code = (
        "import atexit, threading, time\n"
        "from concurrent.futures import Future\n"
        "from nbqueue.client.portal import errand, promise\n"
        "owed, called = Future(), []\n"
        "promise(owed)\n"
        "atexit.register(lambda: print(called, errand(print)))\n"
        "def while_it_waits():\n"
        "    while not errand(lambda: called.append('an errand')):\n"
        "        time.sleep(0.01)\n"
        "    owed.set_result(None)\n"
        "threading.Thread(target=while_it_waits).start()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("['an errand'] False\n", "")
