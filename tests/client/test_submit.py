"""Submitting one job, and waiting for it in every way."""

import asyncio
import threading
import warnings

import pytest

from nbqueue.client.handle import Job
from nbqueue.client.session import configure
from nbqueue.client.submitter import options, run, submit
from nbqueue.client.tasks import task
from nbqueue.errors import ConfigurationError, JobFailed, NotSendable, PayloadTooLarge
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine

pytestmark = pytest.mark.usefixtures("running_engine")


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


async def double_later(number: int) -> int:
    """Twice the number, a moment later."""
    await asyncio.sleep(0.01)
    return 2 * number


def fail(text: str) -> None:
    """Raise an error of the user's own."""
    raise KeyError(text)


async def test_awaiting_a_submit_gives_a_handle() -> None:
    """`await submit(...)` gives a handle, and awaiting that the value."""
    job = await submit(double, 4)
    assert isinstance(job, Job)
    assert (await job, await job.state(), await job) == (8, State.SUCCEEDED, 8)


async def test_coroutine_functions_are_jobs_too() -> None:
    """A job of an async function gives what the coroutine returns."""
    assert await (await submit(double_later, 21)) == 42


async def test_run_gives_the_value() -> None:
    """`await run(...)` is submit and result in one."""
    assert await run(double, 21) == 42


def test_sync_code_waits() -> None:
    """`.wait()` does in sync code what `await` does in async code."""
    assert submit(double, 21).wait().wait(timeout=5) == 42
    assert run(lambda: "from a lambda").wait(5) == "from a lambda"


async def test_a_failed_job_raises_its_error() -> None:
    """JobFailed has type, message and remote traceback, and the original error as its cause."""
    with pytest.raises(JobFailed) as caught:
        await run(fail, "no such key")
    error = caught.value
    assert (error.error_type, str(error)) == ("KeyError", "KeyError: 'no such key'")
    assert isinstance(error.__cause__, KeyError)
    assert "raise KeyError(text)" in error.remote_traceback
    assert "raise KeyError(text)" in "\n".join(error._render_traceback_())  # type: ignore[attr-defined]


async def test_what_cannot_be_sent_raises_at_the_call() -> None:
    """An argument that cannot travel raises where submit is called, before anything is awaited."""
    with pytest.raises(NotSendable, match="number"):
        submit(double, threading.Lock())  # type: ignore[call-overload]


async def test_options_travel_with_the_job() -> None:
    """What `options` was given stands in the job's record."""
    job = await options(queue="nightly", priority="high", tags=["a", "b"], label="my job", retry=3).submit(double, 1)
    info = await job.info()
    assert (info.queue, info.priority, info.tags, info.label, info.max_tries, info.function) == (
        "nightly", 10, ("a", "b"), "my job", 3, "double",
    )  # fmt: skip
    assert (info.state, await job.cancel()) == (State.QUEUED, "cancelled")


def test_wrong_options_raise_at_once() -> None:
    """A wrong option is one sentence, at the call."""
    with pytest.raises(ConfigurationError, match="priority='urgent'"):
        options(priority="urgent")
    with pytest.raises(ConfigurationError, match="cannot be submitted"):
        submit(3)  # type: ignore[call-overload]


async def test_the_same_id_is_the_same_job(running_engine: Engine) -> None:
    """However often an id is submitted, one job runs, and everybody has a handle to it."""
    jobs = await asyncio.gather(*(options(job_id="mine").submit(double, 4) for _ in range(20)))
    assert {await job for job in jobs} == {8}
    assert sorted(job.existed for job in jobs) == [False] + [True] * 19
    assert running_engine.ran.count("mine") == 1


async def test_tasks_bring_their_options() -> None:
    """A task's own options are the defaults of its submits, and it can be submitted by its name."""

    @task("client-test-triple", label="three times", priority="low")
    def triple(number: int) -> int:
        return 3 * number

    job = await options(priority="high").submit(triple, 3)
    info = await job.info()
    assert (await job, info.label, info.priority, info.function) == (9, "three times", 10, "client-test-triple")
    assert await run("client-test-triple", 5) == 15
    assert triple(2) == 6


async def test_sizes_are_limited(settings: Settings) -> None:
    """Over the one limit a submit warns, over the other it is refused, naming size, limit and setting."""
    configure(Settings(url=settings.url, home=settings.home, warn_bytes=10_000, limit_bytes=100_000))
    with pytest.warns(UserWarning, match=r"takes 20,\d\d\d bytes.*NBQUEUE_WARN_BYTES") as told:
        assert await run(len, b"x" * 20_000) == 20_000
    assert told[0].filename == __file__
    with pytest.raises(PayloadTooLarge, match=r"0.2 MB, over the limit of 0.1 MB \(NBQUEUE_LIMIT_BYTES\)") as caught:
        submit(len, b"x" * 200_000)
    assert (caught.value.size_bytes > 200_000, caught.value.limit_bytes) == (True, 100_000)
    with warnings.catch_warnings(action="error"):
        await run(len, b"x" * 5_000)


async def test_large_values_travel() -> None:
    """Ten megabytes there and back are an ordinary job."""
    value = bytes(9_000_000)
    assert await run(lambda data: data, value) == value
