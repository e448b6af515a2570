"""What a family of processes uses: CPU since the last look, and memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

import nbqueue
from nbqueue.broker.queues import EngineInfo
from nbqueue.model.settings import Settings
from nbqueue.worker.usage import Usage
from tests.waiting import wait_until
from tests.workers import running_worker

HELD = 20_000_000  # what is seen above it is files that are mapped: a machine may drop them
BUSY = f"import os\nos.fork()\nheld = bytearray(os.urandom({HELD}))\nwhile True: pass"


@pytest.fixture
def busy() -> Iterator[int]:
    """A process with a child, both of which keep a core busy and hold 20 MB each."""
    process = subprocess.Popen([sys.executable, "-S", "-c", BUSY])
    family = psutil.Process(process.pid)
    try:
        wait_until(lambda: len(family.children()) == 1)
        wait_until(lambda: all(each.memory_info().rss > HELD for each in (family, *family.children())), 10)
        yield process.pid
    finally:
        for each in (*family.children(recursive=True), family):
            each.kill()
        process.wait(5)


def test_a_family_is_measured_as_one(busy: int) -> None:
    """CPU of all its processes since the last look, and the memory they hold."""
    usage = Usage(busy)
    assert usage.look().cpu_percent is None
    began, before = time.monotonic(), _spent_s(busy)
    time.sleep(0.5)
    used = usage.look()
    expected = 100 * (_spent_s(busy) - before) / (time.monotonic() - began)
    assert used.cpu_percent == pytest.approx(expected, abs=25)
    assert used.memory_bytes > 2 * HELD


def test_a_family_that_is_gone_uses_nothing(busy: int) -> None:
    """A look at what has ended is no error."""
    usage = Usage(busy)
    usage.look()
    for each in (*psutil.Process(busy).children(), psutil.Process(busy)):
        each.kill()
    wait_until(lambda: usage.look().memory_bytes == 0)
    assert usage.look().cpu_percent == 0


def test_a_worker_announces_what_it_uses(settings: Settings) -> None:
    """Memory at once, CPU from the second announcement on, after five seconds."""
    nbqueue.configure(settings)

    def engine() -> EngineInfo:
        [found] = nbqueue.Queue().workers().wait()
        return found

    with running_worker(settings, "--slots", "1"):
        wait_until(lambda: (engine().memory_bytes or 0) > 10_000_000, 10)
        wait_until(lambda: engine().cpu_percent is not None, 10)
        assert (engine().cpu_percent or 0) < 300


def _spent_s(pid: int) -> float:
    times = [each.cpu_times() for each in (psutil.Process(pid), *psutil.Process(pid).children())]
    return sum(each.user + each.system for each in times)
