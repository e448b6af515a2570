"""The zygote and its children share the fate of their engine: real kills, and nothing that stays alive."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from nbqueue import inside
from nbqueue.children.nursery import clean_environment
from nbqueue.children.pool import Children
from tests import source
from tests.children.listening import Heard, a_run, death_of, open_children, value_of
from tests.waiting import SLACK, until, wait_until


@pytest.fixture
def holder() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that holds children, and the ids of the zygote, the children and what those started."""
    command = [sys.executable, "-m", "tests.children.holder"]
    environment = {**os.environ, "PYTHONPATH": str(source.ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        pids = json.loads(process.stdout.readline())
        yield process, pids
        process.kill()
    for pid in filter(psutil.pid_exists, pids):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
async def children(heard: Heard) -> AsyncIterator[Children]:
    """Children with two slots."""
    async with open_children(heard, slots=2) as found:
        yield found


def process_id() -> int:
    """The process it runs in."""
    return os.getpid()


def works() -> None:
    """Start a process, tell both ids, and never end."""
    process = subprocess.Popen(["sleep", "600"])
    inside.report(pids=[os.getpid(), process.pid])
    time.sleep(600)


def test_a_killed_engine_leaves_nothing_alive(holder: tuple[subprocess.Popen[str], list[int]]) -> None:
    """Within a second of SIGKILL all is gone: the zygote, children, and their processes in and out of their groups."""
    engine, pids = holder
    assert len(pids) == 8
    engine.kill()
    wait_until(lambda: not any(map(_lives, pids)), 1.0)


def test_a_zygote_that_still_loads_goes_with_its_engine() -> None:
    """It cannot hear that its engine is gone, and does not go on loading for nobody."""
    Path("slow.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    code = (
        "import asyncio, sys\nfrom nbqueue.children.pool import Children\n"
        "async def main():\n    children = Children(None, slots=1, modules=['slow'])\n    await children.start()\n"
        "    print(children.zygote_pids[''], flush=True)\n    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{source.ROOT}{os.pathsep}{Path.cwd()}"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as engine:
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        wait_until(lambda: "zygote" in " ".join(psutil.Process(pid).cmdline()))
        engine.kill()
    wait_until(lambda: not _lives(pid), 1.0)


def test_a_killed_zygote_takes_its_children_along(holder: tuple[subprocess.Popen[str], list[int]]) -> None:
    """Without a zygote no child is left within a second, nor any process they started; the engine lives."""
    engine, pids = holder
    os.kill(pids[0], signal.SIGKILL)
    wait_until(lambda: not any(map(_lives, pids)), 1.0)
    assert engine.poll() is None


async def test_a_new_zygote_takes_over(children: Children, heard: Heard) -> None:
    """When the zygote dies its runs end as deaths, and runs that come later find a new one."""
    runs = [a_run(works), a_run(works), a_run(process_id)]
    running = [children.begin(run) for run in runs]
    await until(lambda: heard.reports[runs[0].job_id] and heard.reports[runs[1].job_id])
    assert children.zygote_pids[""] is not None
    os.kill(children.zygote_pids[""], signal.SIGKILL)
    ends = [await asyncio.wait_for(each.wait(), 2 * SLACK) for each in running[:2]]
    assert [death_of(end).signal for end in ends] == [9, 9]
    assert value_of(await asyncio.wait_for(running[2].wait(), 5)) > 0
    pids = [pid for run in runs[:2] for pid in heard.reports[run.job_id][-1]["metrics"]["pids"]]
    assert [pid for pid in pids if _lives(pid)] == []


async def test_close_leaves_nothing(heard: Heard) -> None:
    """Closing kills what runs, ends it uncharged, and returns when all processes are gone."""
    children = Children(heard, slots=2)
    await children.start()
    run, waiting = a_run(works), [a_run(works) for _ in range(3)]
    running = [children.begin(each) for each in (run, *waiting)]
    await until(lambda: heard.reports[run.job_id])
    zygote = children.zygote_pids[""]
    assert zygote is not None
    await children.close()
    ends = [await each.wait() for each in running]
    assert [(death_of(end).signal, end.collateral, end.stopped_by) for end in ends] == [(9, True, "shutdown")] * 4
    pids = [zygote, *heard.reports[run.job_id][-1]["metrics"]["pids"]]
    assert [pid for pid in pids if _lives(pid)] == []


async def test_children_are_born_quickly(children: Children) -> None:
    """A fresh child of a warm zygote answers in much less time than a Python takes to start."""
    value_of(await children.begin(a_run(process_id)).wait())
    took_s = []
    for _ in range(5):
        began = time.monotonic()
        value_of(await children.begin(a_run(process_id, isolation="fresh")).wait())
        took_s.append(time.monotonic() - began)
    assert sorted(took_s)[2] < 0.2 * SLACK


async def test_children_draw_numbers_of_their_own(children: Children) -> None:
    """Copies of one process do not share their random numbers."""

    def draws() -> float:
        import random

        return random.random()

    drawn = {value_of(await children.begin(a_run(draws, isolation="fresh")).wait()) for _ in range(4)}
    assert len(drawn) == 4


async def test_a_child_is_taken_before_the_engine_when_memory_runs_out(children: Children) -> None:
    """Children have a higher score for the kernel's choice than the engine; they write no core files."""

    def looks() -> tuple[int, int]:
        import resource

        return int(Path("/proc/self/oom_score_adj").read_text()), resource.getrlimit(resource.RLIMIT_CORE)[0]

    score, core = value_of(await children.begin(a_run(looks)).wait())
    own, _ = looks()
    assert score > own
    assert core == 0


async def test_many_children_at_once(heard: Heard) -> None:
    """Forty slots are forty processes, and all are gone after the close."""
    async with open_children(heard, slots=40) as children:

        def naps() -> int:
            time.sleep(0.3)
            return os.getpid()

        runs = [children.begin(a_run(naps)) for _ in range(40)]
        pids = {value_of(await running.wait()) for running in runs}
    assert len(pids) == 40
    assert [pid for pid in pids if _lives(pid)] == []


def test_a_clean_environment_has_no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """NBQUEUE_ variables stay with the engine; numeric libraries get one thread unless the user said otherwise."""
    monkeypatch.setenv("NBQUEUE_URL", "redis://:secret@somewhere")
    monkeypatch.setenv("MKL_NUM_THREADS", "4")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = clean_environment()
    assert [name for name in found if name.startswith("NBQUEUE")] == []
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == ("1", "4")


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_without_descriptors_runs_wait(heard: Heard) -> None:
    """Where the engine has no descriptors left for another child, the run waits until it has."""
    async with open_children(heard, slots=3) as children:
        value_of(await children.begin(a_run(process_id)).wait())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(int(entry.name) for entry in os.scandir("/proc/self/fd"))
        held = [os.dup(0) for _ in range(highest)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, hard))
        try:
            runs = [children.begin(a_run(time.sleep, 0.1, isolation="fresh")) for _ in range(3)]
            assert not runs[-1].ended.done()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in held:
                os.close(descriptor)
        for running in runs:
            value_of(await asyncio.wait_for(running.wait(), 5))
