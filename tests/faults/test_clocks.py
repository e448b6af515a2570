"""F30: the clock of a client is wrong. Whatever it says, jobs start on the server's time, and cards show that."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbqueue.model.settings import Settings
from tests.faults.conftest import Measure
from tests.waiting import SLACK
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

FACES = """
import json
import nbqueue
from nbqueue.notebook import reprs, server
from nbqueue.notebook.sources import Source
from nbqueue.notebook.terminal import Board

group = nbqueue.submit_map(time.sleep, [0, 20]).wait(10)
running = group[1]
far = nbqueue.options(delay=3600).submit(len, "abcde").wait(10)
sources = {"job": Source(running), "far": Source(far), "group": Source(group)}
board = Board([running])
end = time.monotonic() + 20
while not (sources["job"].view().elapsed and sources["group"].view().rates) and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(2)
views = {name: source.view() for name, source in sources.items()}
print(json.dumps({
    "clock_s": [source.now.timestamp() - real() for source in sources.values()],
    "asked_s": server.now().timestamp() - real(),
    "true_s": real() - running.info().wait(10).started_at.timestamp(),
    "elapsed": [views["job"].elapsed, board.views()[0].elapsed, views["group"].elapsed],
    "starts": list(views["far"].notes),
    "rates": len(views["group"].rates),
    "table": reprs.now(nbqueue.jobs)["text/plain"],
}))
group.cancel().wait(10)
far.cancel().wait(10)
"""


@pytest.mark.parametrize("shift_s", [300, -300])
def test_what_a_client_with_a_wrong_clock_shows(shift_s: int, settings: Settings, tmp_path: Path) -> None:
    """Cards, bars and tables go by the server's time: how long a job runs, when it starts, how fast a group ends."""
    with running_worker(settings):
        found = _run(FACES, shift_s, settings, tmp_path)
    assert [abs(each) < 0.5 * SLACK for each in (*found["clock_s"], found["asked_s"])] == [True] * 4
    for text in found["elapsed"]:
        assert 1 <= float(text.removesuffix(" s")) <= found["true_s"] + 0.5 * SLACK
    assert found["starts"][0].startswith("starts in 59 min")
    assert found["rates"] < 60 / 2
    assert "starts in 59 min" in found["table"]


def _run(client: str, shift_s: int, settings: Settings, folder: Path) -> Any:
    """What a program prints that believes in another time."""
    settings.home.mkdir(parents=True, exist_ok=True)
    program = folder / "client.py"
    program.write_text(WRONG_CLOCK + client, encoding="utf-8")
    environment = {
        "PYTHONPATH": str(ROOT), "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home),
        "HOME": str(folder), "PATH": "/usr/bin:/bin",
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, str(program), str(shift_s)], env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("shift_s", [8, -8, 3600, -3600])
def test_a_client_with_a_wrong_clock(shift_s: int, settings: Settings, measure: Measure, tmp_path: Path) -> None:
    """A job starts within a second, and a delay counts on the server's clock, set at submit or later."""
    with running_worker(settings):
        found = _run(CLIENT, shift_s, settings, tmp_path)
    at_once, delayed, rescheduled = found["delays_s"]
    measure("start of a job", at_once, within_s=1)
    assert delayed >= 1.5
    measure("start of a delayed job after its time", delayed - 1.5, within_s=1)
    measure("start of a rescheduled job after its time", rescheduled - found["rescheduled_s"], within_s=1)
    assert 1.5 <= found["rescheduled_s"] < 10
    measure("wait for the result", found["waited_s"], within_s=5)
