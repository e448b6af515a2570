"""Functions that workers know by name."""

import sys
from pathlib import Path

import pytest

from nbqueue import ConfigurationError, JobFailed, Queue, options, run, submit, submit_map, task
from nbqueue.model.settings import Settings
from tests.workers import running_worker

MODULE = """
import os, pathlib, time, nbqueue

@nbqueue.task("guide-greet", label="greeting")
async def greet(name):
    return f"hello {name}"

@nbqueue.task("guide-invert")
def invert(number):
    return 1 / number

@nbqueue.task("guide-meet")
def meet(folder, mine, other):
    pathlib.Path(folder, mine).touch()
    while not pathlib.Path(folder, other).exists():
        time.sleep(0.01)
    return os.getpid()
"""

LIMITED = """
import asyncio, nbqueue

under_way = 0

async def together(seconds):
    global under_way
    under_way += 1
    found = under_way
    await asyncio.sleep(seconds)
    under_way -= 1
    return found

@nbqueue.task("guide-alone", concurrency=1)
async def alone(seconds):
    return await together(seconds)

@nbqueue.task("guide-gpu", resources={"gpu": 1})
async def with_gpu(seconds):
    return await together(seconds)
"""


@task("guide-local", priority="high", tags=["guide"])
def local(number: int) -> int:
    """A task is called as before, and brings its options when it is submitted."""
    return number + 1


async def test_a_task_brings_its_options() -> None:
    """`@task` gives a function a name and default options."""
    assert local(1) == 2
    job = await submit(local, 1)
    info = await job.info()
    assert (await job, info.priority, info.tags, info.function) == (2, 10, ("guide",), "guide-local")


def test_what_no_task_can_be_is_refused() -> None:
    """What is neither a name nor a function."""
    for wrong in (3, None):
        with pytest.raises(ConfigurationError, match=r"task\(\w+\) cannot be used: give a function, or the name"):
            task("guide-wrong")(wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"task\(3\) cannot be used"):
        task(3)  # type: ignore[call-overload]


@pytest.mark.needs_processes("workers apart")
@pytest.mark.parametrize("words", [(), ("--only-registered",)], ids=["any", "only registered"])
async def test_batches_of_a_function_by_its_name(settings: Settings, tmp_path: Path, words: tuple[str, ...]) -> None:
    """The worker calls it for each item, and so it does for a retry."""
    (tmp_path / "guide_tasks.py").write_text(MODULE, encoding="utf-8")
    with running_worker(settings, "guide_tasks", *words, modules=[tmp_path]):
        group = await options(batch=2).submit_map("guide-greet", "abc")
        assert (len(group), await group) == (2, ["hello a", "hello b", "hello c"])
        assert await (await options(batch=3).submit_map("guide-invert", [1, 2, 4, 5])) == [1.0, 0.5, 0.25, 0.2]
        failed = await options(batch=2).submit_map("guide-invert", [1, 0, 2])
        with pytest.raises(JobFailed, match="division by zero") as caught:
            await failed
        assert "It was item 2 of 2 of its batch." in caught.value.remote_traceback
        with pytest.raises(JobFailed, match="division by zero"):
            await (await failed[0].retry())


@pytest.mark.needs_processes("workers apart")
async def test_a_name_stands_for_a_function_of_the_workers(settings: Settings, tmp_path: Path) -> None:
    """Started with the module, a worker runs its tasks by name; no code travels."""
    (tmp_path / "guide_tasks.py").write_text(MODULE, encoding="utf-8")
    assert "guide_tasks" not in sys.modules
    with running_worker(settings, "guide_tasks", modules=[tmp_path]):
        assert await run("guide-greet", "world") == "hello world"
        assert await (await submit_map("guide-greet", ["a", "b"])) == ["hello a", "hello b"]
        assert {"guide-greet", "guide-invert", "guide-meet"} in [
            {*engine.functions} for engine in await Queue("default").workers()
        ]


@pytest.mark.needs_processes("own process")
async def test_sync_functions_of_a_worker_have_a_process_each(settings: Settings, tmp_path: Path) -> None:
    """Called by name as well: two that wait for each other meet."""
    (tmp_path / "guide_tasks.py").write_text(MODULE, encoding="utf-8")
    with running_worker(settings, "guide_tasks", "--slots", "2", modules=[tmp_path]):
        meeting = await options(timeout=10).submit_map("guide-meet", [str(tmp_path)] * 2, "ab", "ba")
        assert len(set(await meeting)) == 2


@pytest.mark.needs_processes("workers apart")
async def test_limits_of_a_function_hold_for_its_name(settings: Settings, tmp_path: Path) -> None:
    """What `@task` says of rate, concurrency and resources counts where nobody knows more than the name."""
    (tmp_path / "guide_limited.py").write_text(LIMITED, encoding="utf-8")
    with running_worker(settings, "guide_limited", "--resources", "gpu=2", modules=[tmp_path]):
        assert await (await submit_map("guide-alone", [0.05] * 4)) == [1] * 4
        # own limits take the place of the function's
        assert max(await (await options(concurrency=2).submit_map("guide-alone", [0.2] * 4))) == 2
        assert max(await (await submit_map("guide-gpu", [0.1] * 6))) == 2
    # nobody is there who has it; what was said of it still holds
    lacking = await submit("guide-gpu", 0)
    assert (await lacking.info()).needs == "gpu=1"
