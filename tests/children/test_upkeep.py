"""What one run leaves for the next: a warm process, and nothing else."""

import asyncio
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbqueue import inside
from nbqueue.children.pool import Children
from tests.children.listening import Heard, a_run, open_children, value_of
from tests.waiting import until


def process_id() -> int:
    """The process it runs in."""
    return os.getpid()


async def test_a_pool_child_is_used_again(children: Children) -> None:
    """Runs that leave nothing behind share a warm process."""
    pids = {value_of(await children.begin(a_run(process_id)).wait()) for _ in range(5)}
    assert len(pids) == 1


async def test_a_fresh_child_is_used_once(children: Children) -> None:
    """With isolation "fresh" each run has a process of its own."""
    pids = {value_of(await children.begin(a_run(process_id, isolation="fresh")).wait()) for _ in range(3)}
    assert len(pids) == 3


async def test_a_pool_child_is_replaced_after_so_many_runs(heard: Heard) -> None:
    """After `recycle_after` runs a child leaves, running its exit functions, and another takes its place."""

    def registers(path: str) -> int:
        import atexit

        atexit.register(lambda: Path(path).write_text("left", encoding="utf-8"))
        return os.getpid()

    async with open_children(heard, slots=1, recycle_after=2) as children:
        farewell = Path("farewell").absolute()  # noqa: ASYNC240 - a file the child writes
        first = value_of(await children.begin(a_run(registers, str(farewell))).wait())
        pids = [value_of(await children.begin(a_run(process_id)).wait()) for _ in range(3)]
        assert pids[0] == first
        assert first not in pids[1:]
        await until(farewell.exists)
        await until(lambda: not psutil.pid_exists(first))


async def test_a_run_finds_nothing_of_the_one_before(children: Children) -> None:
    """Folder, environment, streams, import path, logging and signals are put back between runs."""

    def messes_up() -> int:
        os.chdir("/")
        os.environ["LEFT"] = "yes"
        sys.path.append("/left")
        sys.stdout = sys.stderr = None
        logging.getLogger().setLevel(logging.CRITICAL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return os.getpid()

    def looks() -> tuple[Any, ...]:
        sys.stdout.write("seen\n")
        return (
            os.getpid(), str(Path.cwd()), os.environ.get("LEFT"), "/left" in sys.path, logging.getLogger().level,
            signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        )  # fmt: skip

    pid = value_of(await children.begin(a_run(messes_up)).wait())
    seen = value_of(await children.begin(a_run(looks)).wait())
    assert seen == (pid, str(Path.cwd()), None, False, logging.INFO, False)


async def test_a_timer_of_one_run_does_not_go_off_in_the_next(children: Children) -> None:
    """Alarms, handlers of any signal, blocked signals, umask and recursion limit end with the run that set them."""

    def messes_up() -> int:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        os.umask(0o777)
        sys.setrecursionlimit(120)
        return os.getpid()

    def looks() -> tuple[Any, ...]:
        signal.sigtimedwait({signal.SIGHUP}, 0.4)
        umask = os.umask(0)
        os.umask(umask)
        blocked = signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return os.getpid(), signal.getsignal(signal.SIGUSR1), blocked, umask, sys.getrecursionlimit()

    _, _, _, umask, limit = value_of(await children.begin(a_run(looks)).wait())
    pid = value_of(await children.begin(a_run(messes_up)).wait())
    seen = value_of(await children.begin(a_run(looks)).wait())
    assert seen == (pid, signal.SIG_DFL, False, umask, limit)


async def test_a_child_with_lower_limits_is_replaced(children: Children) -> None:
    """Resource limits, niceness and processors that a run gave up cannot all be had again: its process goes."""

    def gives_up() -> int:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        os.nice(5)
        return os.getpid()

    pid = value_of(await children.begin(a_run(gives_up)).wait())
    assert value_of(await children.begin(a_run(process_id)).wait()) != pid


async def test_a_child_with_threads_left_is_replaced(children: Children) -> None:
    """A thread that outlives its run takes its process along."""

    def leaves_a_thread() -> int:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return os.getpid()

    pid = value_of(await children.begin(a_run(leaves_a_thread)).wait())
    assert value_of(await children.begin(a_run(process_id)).wait()) != pid


async def test_nothing_of_ours_is_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child sees none of nbqueue's variables, and holds open only its streams and its control socket."""
    monkeypatch.setenv("NBQUEUE_URL", "redis://:secret@somewhere")
    async with open_children(Heard(), slots=1) as found:

        def looks() -> tuple[list[str], list[str]]:
            files = [str(Path(entry.path).readlink()) for entry in os.scandir("/proc/self/fd")]
            return [name for name in os.environ if name.startswith("NBQUEUE")], sorted(files)

        names, files = value_of(await found.begin(a_run(looks)).wait())
    kinds = [file.partition(":")[0] for file in files]
    assert names == []
    assert kinds.count("socket") == 1
    assert files.count("/dev/null") == 1
    # its output on 1 and 2, both ends of the wake-up pipe of its own thread, the folder being listed
    assert kinds.count("pipe") == 4
    assert len(files) == 7


async def test_grandchildren_are_gone_when_their_run_ends(children: Children) -> None:
    """Processes that a job leaves behind are killed before its end is told, those in other sessions too."""

    def leaves_processes() -> list[int]:
        import subprocess

        shell = "setsid sleep 600 >/dev/null 2>&1 & echo $!"
        orphan = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)
        own = [subprocess.Popen(["sleep", "600"], start_new_session=alone) for alone in (False, True)]
        return [int(orphan.stdout), *(process.pid for process in own)]

    pids = value_of(await children.begin(a_run(leaves_processes)).wait())
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []


async def test_a_forked_copy_does_not_speak_for_its_job(children: Children, heard: Heard) -> None:
    """A process forked by user code reports nothing; the job itself goes on."""

    def forks() -> str:
        pid = os.fork()
        if pid == 0:
            inside.progress(99)
            inside.log("from the copy")
            os._exit(0)
        os.waitpid(pid, 0)
        inside.progress(1)
        return "whole"

    run = a_run(forks)
    assert value_of(await children.begin(run).wait()) == "whole"
    assert heard.reports[run.job_id] == [{"done": 1}]


async def test_numeric_libraries_get_the_jobs_processors(children: Children) -> None:
    """The number of threads of libraries that a job loads is what the job was given; one by default."""
    ends = [await children.begin(a_run(os.getenv, "OMP_NUM_THREADS", cpus=cpus)).wait() for cpus in (4, 1)]
    assert [value_of(end) for end in ends] == ["4", "1"]


def folder() -> str:
    """The folder it runs in."""
    return str(Path.cwd())


@pytest.mark.parametrize("run_in", ["process", "async", "thread"])
async def test_code_runs_in_the_folder_it_was_submitted_from(children: Children, tmp_path: Path, run_in: Any) -> None:
    """Where there is such a folder; where there is none, and where none was told, it runs in the worker's."""
    given = str(tmp_path), str(tmp_path / "gone"), "", "no\0folder"
    runs = [a_run(folder, run_in=run_in, folder=each) for each in given]
    seen = [value_of(await children.begin(run).wait()) for run in runs]
    assert seen == [given[0], *[str(Path.cwd())] * 3]


async def test_the_folder_is_entered_before_arguments_are_rebuilt(children: Children, tmp_path: Path) -> None:
    """What unpickling reads by a relative path is found."""
    (tmp_path / "data").write_text("here", encoding="ascii")
    run = a_run(str, Read("data"), folder=str(tmp_path))
    assert value_of(await children.begin(run).wait()) == "here"


class Read:
    """Rebuilt as the text of a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Read at the other end."""
        return Path.read_text, (Path(self._path),)


async def test_the_folder_of_coroutines_does_not_change_under_them(children: Children, tmp_path: Path) -> None:
    """A loop's runs share one process, so one that comes beside another stays where that is."""

    async def waits_for(path: str) -> str:
        while not Path(path).exists():  # noqa: ASYNC110, ASYNC240 - another run writes it
            await asyncio.sleep(0.01)
        return str(Path.cwd())

    (tmp_path / "other").mkdir()
    first = children.begin(a_run(waits_for, str(tmp_path / "go"), run_in="async", folder=str(tmp_path)))
    beside = a_run(Path.touch, tmp_path / "go", run_in="async", folder=str(tmp_path / "other"))
    value_of(await children.begin(beside).wait())
    assert value_of(await first.wait()) == str(tmp_path)
