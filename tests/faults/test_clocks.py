"""F30: the clock of a client is wrong. Whatever it says, jobs start on the server's time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nbqueue.model.settings import Settings
from tests.faults.conftest import Measure
from tests.workers import ROOT, running_worker

#: what a program sees whose machine has the wrong time: by `time`, and by `datetime`, which asks the system itself
WRONG_CLOCK = """
import datetime, sys, time
shift_s = float(sys.argv[1])
real, real_ns, Real = time.time, time.time_ns, datetime.datetime
time.time = lambda: real() + shift_s
time.time_ns = lambda: real_ns() + int(shift_s * 1e9)

class Shifted(Real):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        return cls.utcfromtimestamp(time.time())

datetime.datetime = Shifted
"""

CLIENT = """
import json
import nbqueue

assert abs(time.time() - real() - shift_s) < 1
now = nbqueue.submit(len, "abc").wait(10)
delayed = nbqueue.options(delay=1.5).submit(len, "abcd").wait(10)
far = nbqueue.options(delay=3600).submit(len, "abcde").wait(10)
assert far.reschedule(delay=1.5).wait(10) == "changed"
begun = time.monotonic()
assert now.wait(20) == 3
waited_s = time.monotonic() - begun
assert (delayed.wait(20), far.wait(20)) == (4, 5)
records = [job.info().wait(10) for job in (now, delayed, far)]
print(json.dumps({
    "waited_s": waited_s,
    "delays_s": [(each.started_at - each.submitted_at).total_seconds() for each in records],
    "rescheduled_s": (records[2].due_at - records[2].submitted_at).total_seconds(),
}))
"""


@pytest.mark.parametrize("shift_s", [8, -8, 3600, -3600])
def test_a_client_with_a_wrong_clock(shift_s: int, settings: Settings, measure: Measure, tmp_path: Path) -> None:
    """A job starts within a second, and a delay counts on the server's clock, set at submit or later."""
    settings.home.mkdir(parents=True, exist_ok=True)
    program = tmp_path / "client.py"
    program.write_text(WRONG_CLOCK + CLIENT, encoding="utf-8")
    environment = {
        "PYTHONPATH": str(ROOT), "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home),
        "HOME": str(tmp_path), "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    with running_worker(settings):
        ran = subprocess.run(
            [sys.executable, str(program), str(shift_s)], env=environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    at_once, delayed, rescheduled = found["delays_s"]
    measure("start of a job", at_once, within_s=1)
    assert delayed >= 1.5
    measure("start of a delayed job after its time", delayed - 1.5, within_s=1)
    measure("start of a rescheduled job after its time", rescheduled - found["rescheduled_s"], within_s=1)
    assert 1.5 <= found["rescheduled_s"] < 10
    measure("wait for the result", found["waited_s"], within_s=5)
