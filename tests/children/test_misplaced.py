"""Runs whose child had loaded what their code cannot bear: given back to be run again, where that helps."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nbqueue.children.pool import Children
from tests.children.listening import a_run, error_of, value_of
from tests.children.test_families import either, facts
from tests.waiting import until

#: how the error begins that says what cannot be
REFUSED = (
    "ImportError: highspy cannot be imported in a process that has loaded ortools, as each brings its own of one "
    "native library: use them in jobs of their own. (/"
)


@pytest.mark.parametrize(
    ("isolation", "run_in", "told"),
    [("pool", "process", ""), ("fresh", "process", ""), ("pool", "async", ""), ("pool", "process", "ortools")],
)
async def test_a_function_that_loads_either_is_given_back_once_and_then_left_alone(
    children: Children, isolation: Any, run_in: Any, told: str
) -> None:
    """What was learned or told of it is wrong for one run, which is to run again; later ones have a clean process."""

    async def sings(name: str) -> str:
        return either(name)

    run = partial(a_run, either if run_in == "process" else sings, isolation=isolation, run_in=run_in, family=told)
    first, *others = ("ortools.init.python.init", "highspy") * 2
    assert value_of(await children.begin(run(first)).wait()) == first
    end = await children.begin(run("highspy")).wait()
    assert (end.collateral, error_of(end).startswith(REFUSED)) == (True, True)
    for name in others:
        assert value_of(await children.begin(run(name)).wait()) == name


async def test_runs_that_meet_in_one_process_part(children: Children) -> None:
    """Of coroutines that begin side by side in a plain process some are refused; each succeeds when it runs again."""

    async def sings(name: str) -> str:
        import asyncio

        await asyncio.sleep(0)
        return either(name)

    names = ("highspy", "ortools.init.python.init") * 3
    ends = await asyncio.gather(*(children.begin(a_run(sings, name, run_in="async")).wait() for name in names))
    again = [name for name, end in zip(names, ends, strict=True) if end.collateral]
    assert again == ["ortools.init.python.init"] * 3
    for name in again:
        assert await facts(children, sings, name, run_in="async") == name


@pytest.mark.parametrize("run_in", ["process", "async"])
async def test_a_function_that_loads_both_is_told_why_it_cannot(children: Children, run_in: Any) -> None:
    """No process would do: it is not run again, be it in a plain one or where one of them was loaded before."""

    def both() -> None:
        either("ortools.init.python.init")
        either("highspy")

    async def sings() -> None:
        both()

    fn = both if run_in == "process" else sings
    ends = [await children.begin(a_run(fn, run_in=run_in)).wait() for _ in range(3)]
    assert [(end.collateral, error_of(end)[: len(REFUSED)]) for end in ends] == [(False, REFUSED)] * 3


async def test_a_run_that_is_cancelled_is_not_given_back(children: Children, tmp_path: Path) -> None:
    """It ends as it did, though its process was the wrong one."""

    def slowly(seen: str) -> None:
        from pathlib import Path

        import nbqueue

        Path(seen).touch()
        while not nbqueue.should_stop():
            pass
        either("highspy")

    running = children.begin(
        a_run(slowly, str(tmp_path / "seen"), family="ortools", kill_after_s=60, terminate_after_s=60)
    )
    await until((tmp_path / "seen").exists)
    running.stop("cancel")
    end = await running.wait()
    assert (end.collateral, end.stopped_by, error_of(end).startswith(REFUSED)) == (False, "cancel", True)
