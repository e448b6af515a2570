"""Children of families: libraries that cannot be in one process run side by side, each in one that has it loaded."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbqueue.children import lineage
from nbqueue.children.pool import Children
from nbqueue.model.families import BY_NAME, FAMILIES, Family
from tests.children.listening import Heard, a_run, death_of, error_of, open_children, value_of
from tests.waiting import until

Facts = tuple[str, int, float]


def with_ortools() -> Facts:
    """Solve by CP-SAT; what was found, the parent's id, and processor seconds that the import took."""
    import os
    import time

    began = time.process_time()
    from ortools.sat.python import cp_model

    took_s = time.process_time() - began
    model = cp_model.CpModel()
    model.maximize(model.new_int_var(0, 9, "x"))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.solve(model)
    return f"{solver.objective_value:g}", os.getppid(), took_s


def with_highspy() -> Facts:
    """Solve by HiGHS; as above."""
    import os
    import time

    began = time.process_time()
    import highspy

    took_s = time.process_time() - began
    model: Any = highspy.Highs()
    model.silent()
    model.maximize(model.addVariable(lb=0, ub=8))
    return f"{model.getObjectiveValue():g}", os.getppid(), took_s


def either(name: str) -> str:
    """Import what the argument says."""
    import importlib

    return importlib.import_module(name).__name__


def nothing() -> int:
    """Load nothing; the parent's id."""
    import os

    return os.getppid()


ISOLATIONS = ("pool", "fresh")
VALUES = {"ortools": "9", "highspy": "8"}
BOTH: list[tuple[Callable[[], Facts], str]] = [(with_ortools, "ortools"), (with_highspy, "highspy")]


async def facts(children: Children, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What one run gave back."""
    return value_of(await children.begin(a_run(fn, *args, **options)).wait())


async def test_families_that_are_told_have_zygotes_of_their_own(children: Children) -> None:
    """Runs of either library succeed in any order, forked from the process that has it loaded; plain ones are not."""
    for isolation, (fn, family) in itertools.product(ISOLATIONS, [*BOTH, *BOTH[::-1]]):
        value, parent, _ = await facts(children, fn, isolation=isolation, family=family)
        assert (value, parent) == (VALUES[family], children.zygote_pids[family])
    assert await facts(children, nothing, isolation="fresh") == children.zygote_pids[""]


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_families_are_learned_from_what_code_loads(children: Children, isolation: Any) -> None:
    """The first run of a function that says nothing is in a plain process, the next in one that has what it needs."""
    found = [await facts(children, fn, isolation=isolation) for fn, _ in [*BOTH, *BOTH]]
    zygotes = ["", "", "ortools", "highspy"]
    expected = [(value, children.zygote_pids[zygote]) for value, zygote in zip("9898", zygotes, strict=True)]
    assert [(value, parent) for value, parent, _ in found] == expected


async def test_a_pooled_child_is_used_again_for_what_it_has_loaded(heard: Heard) -> None:
    """Neither library is imported twice, and idle children are no more than there are slots."""
    async with open_children(heard, slots=2) as children:
        for _ in range(2):
            for fn, _ in BOTH:
                await facts(children, fn)
            await facts(children, nothing)
        pids = [pid for pid in children.zygote_pids.values() if pid]
        await until(lambda: sum(len(lineage.children(pid)) for pid in pids) <= 2 + 1)  # and one that runs coroutines


async def test_coroutines_are_kept_apart_too(children: Children) -> None:
    """Those of one family share a process that has its library loaded, and plain ones another."""

    async def sings(name: str) -> tuple[str, int]:
        import importlib
        import os

        return importlib.import_module(name).__name__, os.getpid()

    names = ("ortools.init.python.init", "highspy") * 2
    found = [await facts(children, sings, each, run_in="async", family=each.partition(".")[0]) for each in names]
    assert tuple(name for name, _ in found) == names
    assert found[:2] == found[2:]
    plain = await facts(children, sings, "json", run_in="async")
    assert plain[1] not in {pid for _, pid in found}


async def test_a_library_is_loaded_once_for_all_fresh_processes(children: Children) -> None:
    """One that is forked later takes a fraction of the processor time that the import takes, in the same run."""
    _, _, cold_s = await facts(children, with_ortools, isolation="fresh", family="mixed")
    warm = [await facts(children, with_ortools, isolation="fresh", family="ortools") for _ in range(3)]
    assert max(took_s for _, _, took_s in warm) < cold_s / 5


async def test_warm_zygotes_have_one_thread(children: Children) -> None:
    """What they fork has no lock that nobody will release; they have loaded all that they are to load."""

    def has(names: tuple[str, ...]) -> bool:
        import sys

        return all(name in sys.modules for name in names)

    async def is_ready(family: Family) -> bool:
        return bool(await facts(children, has, family.preload, isolation="fresh", family=family.name))

    for family in FAMILIES:
        await until(partial(is_ready, family), 20)
    threads = {name: psutil.Process(pid).num_threads() for name, pid in children.zygote_pids.items()}
    assert threads == {"": 1, **dict.fromkeys(BY_NAME, 1)}


async def test_a_killed_zygote_of_a_family_harms_no_later_run(children: Children) -> None:
    """Its children go with it, runs in them end as deaths, and others are not touched."""
    await facts(children, with_highspy, family="highspy")
    running = children.begin(a_run(signal.pause, family="highspy"))
    await until(lambda: running.started)
    os.kill(children.zygote_pids["highspy"] or 0, signal.SIGKILL)
    assert "the process that it was forked from was lost" in death_of(await running.wait()).reason
    for isolation in ISOLATIONS:
        assert (await facts(children, with_highspy, isolation=isolation, family="highspy"))[0] == "8"
    assert await facts(children, nothing) == children.zygote_pids[""]


async def test_without_the_package_the_job_says_what_is_missing(
    heard: Heard, library: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    """No zygote is kept for what cannot be loaded, and none is tried again for each run."""
    library("raise ModuleNotFoundError(\"No module named 'highspy'\", name='highspy')\n")
    async with open_children(heard, slots=1) as children:
        for _ in range(2):
            end = await children.begin(a_run(either, "highspy", family="highspy")).wait()
            assert error_of(end) == "ModuleNotFoundError: No module named 'highspy'"
        assert await facts(children, either, "json", family="highspy") == "json"
        assert set(children.zygote_pids) == {""}
    assert [record.getMessage() for record in caplog.records] == [
        "No processes are prepared for highspy, jobs load it themselves: ModuleNotFoundError: No module named 'highspy'"
    ]


async def test_a_library_that_crashes_while_it_is_prepared_is_left_to_the_jobs(
    heard: Heard, library: Callable[[str], None]
) -> None:
    """The run that waited for it goes on in a plain process, where it may do better."""
    library("import os, threading\nif threading.active_count() == 1:  # no child has one thread\n    os.abort()\n")
    async with open_children(heard, slots=1) as children:
        assert await facts(children, either, "highspy", family="highspy") == "highspy"
        assert set(children.zygote_pids) == {""}


async def test_runs_do_not_wait_for_long(heard: Heard, library: Callable[[str], None]) -> None:
    """A library that takes its time is loaded by the children themselves, and its zygote goes on with it."""
    library(HANGS)
    async with open_children(heard, slots=1, patience_s=0.3) as children:
        assert await facts(children, either, "highspy", family="highspy") == "highspy"
        assert await facts(children, either, "highspy", family="highspy", isolation="fresh") == "highspy"
        assert set(children.zygote_pids) == {"", "highspy"}


async def test_a_run_that_waits_for_a_library_can_be_stopped(heard: Heard, library: Callable[[str], None]) -> None:
    """It need not wait until that is loaded."""
    library(HANGS)
    async with open_children(heard, slots=1) as children:
        running = children.begin(a_run(time.sleep, 60, family="highspy"))
        await until(Path("seen").exists)
        running.stop("cancel")
        end = await asyncio.wait_for(running.wait(), 20)
        assert end.stopped_by == "cancel"


async def test_an_unused_zygote_ends(heard: Heard) -> None:
    """With its idle children; the next run begins another."""
    async with open_children(heard, slots=1, idle_s=0.5) as children:
        for _ in range(2):
            running = children.begin(a_run(with_highspy, family="highspy"))
            value, parent, _ = value_of(await running.wait())
            assert (value, parent == children.zygote_pids[""]) == ("8", False)
            family = [parent, running.pid or 0]
            await until(lambda: set(children.zygote_pids) == {""})
            await until(partial(_are_gone, family))


async def test_what_the_workers_modules_load_all_its_children_have(heard: Heard) -> None:
    """Then the plain zygote is that family's, and the other one has its own, without those modules."""
    Path("uses_ortools.py").write_text(  # noqa: ASYNC240 - nothing else runs yet
        "from ortools.sat.python import cp_model\n", encoding="utf-8"
    )
    async with open_children(heard, slots=1, modules=["uses_ortools"]) as children:
        await facts(children, nothing)
        for (fn, family), _ in itertools.product(BOTH, range(2)):
            value, parent, _ = await facts(children, fn, family=family)
            zygote = "" if family == "ortools" else family
            assert (value, parent) == (VALUES[family], children.zygote_pids[zygote])
        assert set(children.zygote_pids) == {"", "highspy"}


#: a library that is never loaded in a zygote, which has one thread
HANGS = """
import pathlib, threading, time
if threading.active_count() == 1:
    pathlib.Path('seen').touch()
    time.sleep(600)
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a package of this code in the place of highspy, for children."""

    def put(code: str) -> None:
        (tmp_path / "highspy.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.getenv("PYTHONPATH")])]))

    return put


def _are_gone(pids: list[int]) -> bool:
    return not any(map(psutil.pid_exists, pids))
