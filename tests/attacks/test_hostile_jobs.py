"""Code in a job against what is above it: it finds no key and no connection, and breaks nothing but its own process."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from nbqueue import JobCrashed, JobFailed, options, run, submit
from nbqueue.model.options import RunIn
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.attacks import hostile
from tests.attacks.store import Store
from tests.waiting import wait_until
from tests.workers import Worker

pytestmark = pytest.mark.usefixtures("client", "worker")

FRAMES = (
    "garbage", "no JSON", "header over the limit", "payload over the limit", "deep", "unknown type",
    "end of a wrong shape", "end of an unknown encoding", "error of a wrong shape",
)  # fmt: skip


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Callable[[], bool]]:
    """A job that runs in another child meanwhile; whether it came to its end undisturbed."""
    folder = tmp_path / "neighbour"
    folder.mkdir()
    job = submit(hostile.stay, str(folder)).wait(5)
    wait_until(lambda: (folder / "pid").exists() and (folder / "pid").read_text(), 20)

    def undisturbed() -> bool:
        (folder / "seen").touch()
        return job.wait(10) == int((folder / "pid").read_text()) and job.info().wait(5).fence == 1

    yield undisturbed
    (folder / "seen").touch()


def memory_has(pid: int, needles: list[bytes]) -> bool:
    """Whether the writable memory of a process holds one of these."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    found = False
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for start, end, mode in re.findall(r"(?m)^([0-9a-f]+)-([0-9a-f]+) (\S+)", maps):
            if not mode.startswith("rw"):
                continue
            memory.seek(int(start, 16))
            with contextlib.suppress(OSError):
                data = memory.read(int(end, 16) - int(start, 16))
                found = found or any(needle in data for needle in needles)
    return found


@pytest.mark.parametrize("run_in", ["process", "thread"])
def test_a_child_has_nothing_open_but_its_own_streams(run_in: RunIn) -> None:
    """Standard streams, one nameless socket to the engine, and what it opened for itself: no file, no connection."""
    submitter = options(run_in=run_in)
    found = submitter.run(hostile.descriptors).wait(20)
    assert {number: found[number].partition(":")[0] for number in (0, 1, 2)} == {0: "/dev/null", 1: "pipe", 2: "pipe"}
    rest = [link for number, link in found.items() if number > 2 and not link.startswith("/proc/")]
    own = [link for link in rest if rest.count(link) == 2 or link == "anon_inode:[eventpoll]"]
    assert {link.partition(":")[0] for link in rest if link not in own} == {"socket"}
    assert len([link for link in rest if link not in own]) <= (1 if run_in == "process" else 3)
    assert submitter.run(hostile.network).wait(5) == []


def test_a_childs_environment_has_nothing_of_ours(module_settings: Settings) -> None:
    """Neither the server's address nor the key, nor the name of its file."""
    found = run(hostile.environment).wait(20)
    key = module_settings.signing_key_file.read_text(encoding="ascii").split()[1]
    assert "PATH=" in found
    for secret in (key, "NBQUEUE_", str(module_settings.url), "signing.key"):
        assert secret not in found


def test_the_key_is_not_in_the_memory_of_a_child(module_settings: Settings, tmp_path: Path) -> None:
    """Neither the child that runs the code nor the zygote it was forked from ever held it; this process does."""
    key = module_settings.signing_key_file.read_text(encoding="ascii").split()[1]
    needles = [key.encode(), bytes.fromhex(key)]
    job = submit(hostile.stay, str(tmp_path)).wait(5)
    child = int(wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 20))
    zygote = psutil.Process(child).ppid()
    try:
        found = {name: memory_has(pid, needles) for name, pid in
                 (("child", child), ("zygote", zygote), ("here", os.getpid()))}  # fmt: skip
    finally:
        (tmp_path / "seen").touch()
    assert job.wait(10) == child
    assert found == {"child": False, "zygote": False, "here": True}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_child_that_breaks_the_rules_is_killed(worker: Worker, neighbour: Callable[[], bool], kind: str) -> None:
    """What it writes to its control socket ends its process and its job, and no other."""
    before = worker.engine_ids()
    with pytest.raises(
        JobCrashed, match=r"did not keep to what it may say to its worker.*file descriptors that it did"
    ):
        run(hostile.noise, kind).wait(15)
    assert neighbour()
    assert run(len, "abc").wait(10) == 3
    assert worker.engine_ids() == before


def test_an_error_that_is_too_long_is_cut(worker: Worker, store: Store) -> None:
    """Texts of an error over all limits do not keep its job from ending."""
    before = worker.engine_ids()
    job = submit(hostile.noise, "error over the limit").wait(5)
    with pytest.raises(JobFailed) as caught:
        job.wait(10)
    assert len(str(caught.value)) < 10_000
    assert len(store.client.get(store.keys.result(job.id))) < 2**20
    assert worker.engine_ids() == before


def test_a_child_speaks_for_its_own_job_alone(worker: Worker, neighbour: Callable[[], bool]) -> None:
    """Ends, progress and checkpoints in the name of other jobs are not heard; nonsense as its own is left out."""
    before = worker.engine_ids()
    job = submit(hostile.ends_of_others).wait(5)
    live = job.live()
    assert job.wait(10) == "done"
    assert job.info().wait(5).progress.done == 0
    assert neighbour()
    live.close()
    assert worker.engine_ids() == before


@pytest.mark.parametrize(("steps", "engine_lives"), [(1, True), (2, False)], ids=["zygote", "engine"])
def test_a_job_that_kills_what_is_above_it_runs_again(
    worker: Worker, tmp_path: Path, steps: int, *, engine_lives: bool
) -> None:
    """Zygote or engine are replaced, the job and its neighbours run again, and all that comes later runs."""
    before = worker.engine_ids()
    other = options(run_in="async").submit(len, "abcd").wait(5)
    job = submit(hostile.kill_above, steps, str(tmp_path / "once")).wait(5)
    assert job.wait(30) == "ran again"
    assert other.wait(10) == 4
    assert run(len, "abc").wait(10) == 3
    assert (worker.engine_ids() == before) is engine_lives
    assert job.info().wait(5).state is State.SUCCEEDED
