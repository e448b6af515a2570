"""The script for Slurm, with stand-ins for the worker and for scontrol that say what they were told."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.parts import SCRIPTS, SLURM
from tests.waiting import wait_until

SCRIPT = SLURM / "nbqueue-worker.sbatch"
#: runs until it is told to end, then takes a moment to finish and ends as its last word says
WORKER = """#!/bin/bash
echo "worker $*" >> told
trap 'echo draining >> told; sleep 0.2; exit "$WORKER_CODE"' TERM
touch started
[ "$WORKER_ENDS" = yes ] && exit "$WORKER_CODE"
while :; do sleep 0.05; done
"""
SCONTROL = '#!/bin/bash\necho "scontrol $*" >> told\n'


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the script ended, and what it told others to do, in order."""

    code: int
    told: list[str]


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder that a job was submitted from, with the commands on its PATH."""
    for name, text in {"nbqueue": WORKER, "scontrol": SCONTROL}.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / ".env").write_text("NBQUEUE_URL=redis://server/0\n")
    return tmp_path


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(path: Path) -> None:
    """The scripts of deploy/ are clean."""
    program = Path(sys.executable).with_name("shellcheck")
    found = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_a_time_limit_drains_and_queues_again(node: Path) -> None:
    """At the signal before the limit the worker is told to end, waited for, and the job queued again."""
    ended = _signalled(node, signal.SIGUSR1)
    assert ended.told[1:] == ["draining", "scontrol requeue 17"]
    assert ended.code == 0


def test_a_worker_that_is_ended_stays_so(node: Path) -> None:
    """`scancel --batch --signal=TERM` lets the worker finish, and the job is not queued again."""
    ended = _signalled(node, signal.SIGTERM, WORKER_CODE="3")
    assert ended.told[1:] == ["draining"]
    assert ended.code == 3


def test_a_worker_that_ends_by_itself_ends_the_job(node: Path) -> None:
    """With --burst, or where it cannot start, the job ends with the worker's code."""
    with _running(node, "--burst", WORKER_ENDS="yes", WORKER_CODE="2") as script:
        assert script.wait(20) == 2
    assert _told(node) == ["worker worker --slots 4 --drain-timeout 90 --burst"]


def test_gpus_of_the_job_are_offered(node: Path) -> None:
    """What Slurm gave of GPUs is what jobs may ask for; none are not offered."""
    for number, offered in {"2": " --resources gpu=2", "0": ""}.items():
        (node / "told").unlink(missing_ok=True)
        with _running(node, WORKER_ENDS="yes", SLURM_GPUS_ON_NODE=number) as script:
            script.wait(20)
        assert _told(node) == [f"worker worker --slots 4 --drain-timeout 90{offered}"]


def test_no_server_is_started_on_a_node(node: Path) -> None:
    """Without an address the script says where to write it, and starts nothing."""
    (node / ".env").unlink()
    with _running(node) as script:
        assert script.wait(20) == 2
        assert script.stderr is not None
        assert script.stderr.read().startswith("Write NBQUEUE_URL=... into a file .env")
    assert _told(node) == []


def _signalled(node: Path, number: signal.Signals, **variables: str) -> Ended:
    """Start the script, send it a signal once the worker runs, and wait for its end."""
    with _running(node, **variables) as script:
        wait_until((node / "started").exists, 20)
        script.send_signal(number)
        return Ended(code=script.wait(20), told=_told(node))


@contextmanager
def _running(node: Path, *words: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    environment: Mapping[str, str] = {
        "PATH": f"{node / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "17", "SLURM_CPUS_PER_TASK": "4",
        "WORKER_CODE": "0", "WORKER_ENDS": "no", **variables,
    }  # fmt: skip
    command = ["bash", str(SCRIPT), *words]
    with subprocess.Popen(command, cwd=node, env=environment, text=True, stderr=subprocess.PIPE) as script:
        try:
            yield script
        finally:
            script.kill()


def _told(node: Path) -> list[str]:
    path = node / "told"
    return path.read_text().splitlines() if path.exists() else []
