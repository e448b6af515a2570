"""The local stack where hubs and Binder run notebooks."""

import json
from pathlib import Path

from tests.hub import run_in_hub

ROOT = Path(__file__).parents[2]
JOBS = """
import json, os, pwd
import nbqueue
from nbqueue.local import stack

async def who():
    return os.getuid()

def busy():
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return len(os.sched_getaffinity(0))

found = [nbqueue.submit(fn).wait(60).wait(60) for fn in (who, busy)]
settings = nbqueue.Settings()
address = stack.ensure(settings)
print(json.dumps([*found, str(settings.home).startswith(os.environ["HOME"]), len(str(address.path)) < 104]))
stack.stop(settings)
"""
READ_ONLY = """
import os, sys
import nbqueue
os.chmod(os.environ["HOME"], 0o555)
try:
    nbqueue.submit(sum, [1, 2]).wait(60)
except nbqueue.NbqueueError as error:
    print(error)
"""


def test_jobs_run_where_almost_nothing_is_given() -> None:
    """A user without a name, one processor, no IPv6, a /tmp that runs nothing, a long HOME below a read-only folder."""
    ran = run_in_hub("-c", JOBS, path=[ROOT])
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout.splitlines()[-1]) == [54321, 1, True, True]


def test_a_home_that_cannot_be_written_is_told_in_a_sentence() -> None:
    """It names the folder and the setting."""
    ran = run_in_hub("-c", READ_ONLY, path=[ROOT])
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1
    assert (
        "of the signing key cannot be made (Permission denied): set NBQUEUE_HOME, or NBQUEUE_KEY_FILE for" in ran.stdout
    )
