"""The types of the public names, as mypy --strict sees them; nothing here is run."""

from collections.abc import Mapping
from typing import Any, assert_type

from pandas import DataFrame

import nbqueue
from nbqueue import (
    Cron,
    Every,
    Job,
    JobGroup,
    Pending,
    RetryPolicy,
    Schedule,
    State,
    options,
    run,
    submit,
    submit_map,
    task,
)
from nbqueue.client.alerts import Alert
from nbqueue.client.graph import Graph
from nbqueue.client.selection import Selection
from nbqueue.executor import Executor, JobFuture
from nbqueue.model.attempts import AttemptRecord
from nbqueue.model.delivery import Delivery
from nbqueue.model.job import JobRecord
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.submitting import Group, Handle, Submitting
from nbqueue.notebook.board.dashboard import Dashboard


def area(width: int, height: float = 1.0) -> float:
    """A sync function."""
    return width * height


async def fetch(name: str) -> bytes:
    """An async function."""
    return name.encode()


@task
def plain(number: int) -> str:
    """A task without options."""
    return str(number)


@task("nightly", timeout=60, tags=["a"])
async def later(number: int) -> str:
    """A task with options."""
    return str(number)


async def submitting() -> None:
    """A handle carries the type of the result, whether the function is async or not."""
    assert_type(submit(area, 2, height=3.0), Pending[Job[float]])
    assert_type(await submit(area, 2), Job[float])
    assert_type(await (await submit(area, 2)), float)
    assert_type(submit(area, 2).wait().wait(5), float)
    assert_type(await submit(fetch, "a"), Job[bytes])
    assert_type(await (await submit(fetch, "a")), bytes)
    assert_type(await submit("by name", 1, x=2), Job[Any])
    assert_type(await submit(lambda: 3), Job[int])
    submit(area, "2")  # type: ignore[call-overload]
    submit(area, width=2, depth=3)  # type: ignore[call-overload]
    submit(fetch, 3)  # type: ignore[call-overload]


async def running() -> None:
    """`run` gives the result itself."""
    assert_type(await run(area, 2), float)
    assert_type(await run(fetch, "a"), bytes)
    assert_type(await options(timeout=3).run(fetch, "a"), bytes)


async def mapping() -> None:
    """A group carries the type of each result."""
    group = await submit_map(area, [1, 2], [3.0, 4.0])
    assert_type(group, JobGroup[float])
    assert_type(await group, list[float])
    assert_type(await submit_map(fetch, ["a"]), JobGroup[bytes])
    async for job in group.as_completed():
        assert_type(job, Job[float])
    for job in group:
        assert_type(job, Job[float])
    assert_type(group[0], Job[float])
    assert_type(await group.progress(), Mapping[State, int])
    assert_type(await group.cancel(), Mapping[str, int])
    assert_type(await group.reschedule(delay=5), Mapping[str, int])
    assert_type(await group[0].promote(), str)
    assert_type(await group[0].set_priority("high"), str)


async def handing_on() -> None:
    """What stands for a result has the type of the result."""
    job, group = await submit(area, 2), await submit_map(area, [1, 2])
    assert_type(job.output, float)
    assert_type(group.output, list[float])
    assert_type(await submit(area, 2, height=job.output), Job[float])
    assert_type(await submit(max, group.output), Job[float])
    assert_type(await job.graph(), Graph)
    assert_type(await group.graph(), Graph)
    submit(fetch, job.output)  # type: ignore[call-overload]


async def tasks() -> None:
    """A task keeps its function's signature."""
    assert_type(plain(3), str)
    assert_type(await later(3), str)
    assert_type(await submit(plain, 3), Job[str])
    assert_type(await submit(later, 3), Job[str])
    plain("3")  # type: ignore[arg-type]
    task(timeout=[5])  # type: ignore[call-overload]


async def asking() -> None:
    """What a handle answers."""
    job = await submit(area, 2)
    assert_type(await job.state(), State)
    assert_type(await job.info(), JobRecord)
    assert_type(await job.logs(), str)
    assert_type(await job.deliveries(), list[Delivery])
    assert_type(await job.retry(), Job[float])
    assert_type(await job.newest(), Job[float])
    assert_type(await job.attempts(), list[AttemptRecord])
    assert_type(await nbqueue.attach("id"), Job[Any])
    assert_type(await nbqueue.attach(everywhere=True), Selection)
    assert_type(await nbqueue.history(since="7d"), DataFrame)


async def scheduling() -> None:
    """A schedule carries the type of its jobs' results."""
    nightly = await nbqueue.schedule("0 6 * * *", area, 2, height=3.0)
    assert_type(nightly, Schedule[float])
    assert_type(await nightly.trigger(), Job[float])
    assert_type(await options(queue="q").schedule(Every(60), fetch, "a"), Schedule[bytes])
    assert_type(await nbqueue.schedule(Cron("@daily", timezone="UTC"), "by name", 1), Schedule[Any])
    assert_type(await nightly.info(), ScheduleRecord)
    nbqueue.schedule(60, area, "2")  # type: ignore[call-overload]
    Cron("@daily", overlap="both")  # type: ignore[arg-type]


def choosing() -> None:
    """Options are typed."""
    options(queue="nightly", retry=3)
    options(on_done=[nbqueue.notify.after(60), "https://hooks.example.com/nbqueue", lambda job: job.id])
    options(on_done=3)  # type: ignore[arg-type]
    options(preset="solver", retry=RetryPolicy(backoff=lambda attempt, _error: 2.0 * attempt))
    options(preset="fast")  # type: ignore[arg-type]
    options(queue=3)  # type: ignore[arg-type]
    options(colour="red")  # type: ignore[arg-type]


def looking() -> None:
    """A dashboard is shown, and closed."""
    board = nbqueue.dashboard()
    assert_type(board, Dashboard)
    board.show()
    assert_type(board.close(), None)


async def watching() -> None:
    """Alerts take a URL, or a callable that gets what was crossed."""
    queue = nbqueue.Queue()
    assert_type(await queue.alert(depth=10, on="https://hooks.example.com/nbqueue"), Alert)
    assert_type(await queue.alert(failure_rate=0.2, on=lambda crossing: crossing.measure), Alert)
    assert_type(await queue.alerts(), list[Alert])
    await queue.alert(depth=10)  # type: ignore[call-arg]


def standing_for(job: Job[int], group: JobGroup[int]) -> None:
    """The client's own things are what rooms that do not know it ask for."""
    handle: Handle[int] = job
    handles: Group[int] = group
    submitting: Submitting = options()
    del handle, handles, submitting


def executing() -> None:
    """An executor's futures carry the type of the result; its options are those of jobs."""
    executor = Executor(2, queue="nightly", retry=3, timeout=60)
    assert_type(executor.submit(area, 2, height=3.0), JobFuture[float])
    assert_type(executor.submit(area, 2).result(), float)
    assert_type(executor.submit(area, 2).job, Job[float])
    assert_type(list(executor.map(area, [1, 2])), list[float])
    executor.submit(area, "2")  # type: ignore[arg-type]
    Executor(colour="red")  # type: ignore[call-arg]
    Executor(queue=3)  # type: ignore[arg-type]
