"""Trying again: what is retried, when, and how to look at what happened."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

import nbqueue
from nbqueue import (
    JobCrashed,
    JobFailed,
    JobTimeout,
    RetryLater,
    RetryPolicy,
    SkipRetry,
    State,
    checkpoint,
    last_checkpoint,
    options,
    run,
    submit,
)
from nbqueue.model.settings import Settings
from tests.workers import running_worker

#: waits that a test can wait for
QUICK: Any = {"base": 0.05, "jitter": 0.0}
TASKS = """
import nbqueue

def patiently(attempt, error):
    return 0.05 if "busy" in str(error) else None

PATIENT = nbqueue.RetryPolicy(max_tries=4, backoff=patiently)
calls = 0

@nbqueue.task("guide-busy", retry=PATIENT)
async def busy():
    global calls
    calls += 1
    if calls < 3:
        raise ConnectionError("busy")
    return calls

@nbqueue.task("guide-broken", retry=PATIENT)
async def broken():
    raise ConnectionError("broken")

@nbqueue.task("guide-sync", retry=PATIENT)
def sync(folder):
    before = len(list(folder.iterdir()))
    (folder / str(before)).touch()
    if before < 2:
        raise ConnectionError("busy")
    return before + 1
"""


def call(folder: Path) -> int:
    """A service that comes up slowly: two calls are refused, the third one works."""
    before = len(list(folder.iterdir()))
    (folder / str(before)).touch()
    if before < 2:
        raise ConnectionError(f"refused, call {before + 1}")
    return before + 1


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_an_integer_is_the_number_of_tries(tmp_path: Path) -> None:
    """Without `retry` an error is final; `retry=3` tries three times in all."""
    with pytest.raises(JobFailed, match="refused, call 1"):
        await run(call, tmp_path)
    assert await options(retry=RetryPolicy(max_tries=2, **QUICK)).run(call, tmp_path) == 3


async def test_a_policy_names_what_is_worth_a_retry(tmp_path: Path) -> None:
    """`on` names errors by class or name, base classes too; all others are final at once."""
    other = RetryPolicy(max_tries=3, on=("ValueError",))
    with pytest.raises(JobFailed, match="refused, call 1"):
        await options(retry=other).run(call, tmp_path)
    fitting = RetryPolicy(max_tries=3, on=(OSError,), never_on=("PermissionError",), **QUICK)
    assert await options(retry=fitting).run(call, tmp_path) == 3


def test_waits_grow() -> None:
    """Half a second, then twice as long each time, at most `cap`; chance takes up to a tenth away."""
    policy = RetryPolicy(base=1, factor=2, cap=5, jitter=0)
    assert [policy.wait_s(attempt, Random(1)) for attempt in (1, 2, 3, 4)] == [1, 2, 4, 5]


async def test_a_function_of_your_own_says_how_long_to_wait(tmp_path: Path) -> None:
    """It sees the attempt's number and the error itself, in the process of the job; None means: no further attempt."""

    def patiently(attempt: int, error: BaseException) -> float | None:
        (tmp_path / f"{attempt} {error}").touch()
        return 0.05 if attempt < 2 else None

    def refused() -> None:
        raise ConnectionError("refused")

    job = await options(retry=RetryPolicy(max_tries=5, backoff=patiently)).submit(refused)
    with pytest.raises(JobFailed, match="refused"):
        await job
    assert _names(tmp_path) == ["1 refused", "2 refused"]


async def test_it_may_travel_with_a_coroutine() -> None:
    """As with any function of the notebook; what it closes over comes along."""
    seconds = 0.05

    async def refused() -> None:
        raise ConnectionError("refused")

    own = RetryPolicy(max_tries=3, backoff=lambda _attempt, error: seconds if isinstance(error, OSError) else None)
    job = await options(retry=own).submit(refused)
    with pytest.raises(JobFailed, match="refused"):
        await job
    assert [attempt.state for attempt in await job.attempts()] == ["retried", "retried", "failed"]


async def test_a_retry_by_hand_has_it_too(tmp_path: Path) -> None:
    """`job.retry()` sends the same call with the same policy."""

    def refused(folder: Path) -> None:
        (folder / str(len(list(folder.iterdir())))).touch()
        raise ConnectionError("refused")

    own = RetryPolicy(max_tries=2, backoff=lambda _attempt, _error: 0.0)
    job = await options(retry=own).submit(refused, tmp_path)
    with pytest.raises(JobFailed):
        await job
    with pytest.raises(JobFailed):
        await (await (await nbqueue.attach(job.id)).retry())
    assert len(_names(tmp_path)) == 4


async def test_where_it_fails_itself_the_error_is_final() -> None:
    """The job's own error comes back, with a note that says what the function did."""

    def hastily(_attempt: int, error: BaseException) -> float:
        raise KeyError(str(error))

    def refused() -> None:
        raise ConnectionError("refused")

    with pytest.raises(JobFailed, match="ConnectionError: refused") as caught:
        await options(retry=RetryPolicy(backoff=hastily)).run(refused)
    note = "Not tried again: the retry policy's backoff hastily raised KeyError: 'refused'."
    assert note in caught.value.remote_traceback
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__notes__ == [note]


@pytest.mark.needs_processes("workers apart")
async def test_a_registered_function_has_it_from_its_worker(settings: Settings, tmp_path: Path) -> None:
    """`@task(retry=...)` on the worker; a call by name brings no code, so it cannot bring another."""
    (tmp_path / "guide_patient.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "calls").mkdir()
    with running_worker(settings, "guide_patient", modules=[tmp_path]):
        assert await run("guide-busy") == 3
        assert await run("guide-sync", tmp_path / "calls") == 3
        with pytest.raises(JobFailed, match="broken"):
            await run("guide-broken")
    own = options(retry=RetryPolicy(backoff=lambda _attempt, _error: 1.0))
    with pytest.raises(nbqueue.ConfigurationError, match="no code travels with a name: give it on the worker"):
        await own.submit("guide-busy")


async def test_a_job_can_say_it_itself(tmp_path: Path) -> None:
    """`raise RetryLater(seconds)` asks for the next attempt, `raise SkipRetry` for none; neither needs a policy."""

    def polite(folder: Path) -> str:
        if not any(folder.iterdir()):
            (folder / "seen").touch()
            raise RetryLater(timedelta(seconds=0.05))
        return "come in"

    def hopeless() -> None:
        raise SkipRetry("the plan has no solution")

    assert await run(polite, tmp_path) == "come in"
    job = await options(retry=5).submit(hopeless)
    with pytest.raises(JobFailed, match="the plan has no solution"):
        await job
    assert len(await job.attempts()) == 1


async def test_every_attempts_error_is_kept(tmp_path: Path) -> None:
    """`job.attempts()` lists all that ended, oldest first: number, state, times, worker, and why."""
    job = await options(retry=RetryPolicy(max_tries=3, **QUICK)).submit(call, tmp_path)
    assert await job == 3
    first, second, third = await job.attempts()
    assert [(each.number, each.state) for each in (first, second, third)] == [
        (1, "retried"), (2, "retried"), (3, "succeeded"),
    ]  # fmt: skip
    assert (first.error_type, first.error, third.error) == ("ConnectionError", "refused, call 1", "")
    assert second.traceback.endswith("ConnectionError: refused, call 2\n")
    assert first.worker == third.worker != ""
    assert first.started_at is not None
    assert first.finished_at is not None
    assert third.started_at is not None
    assert first.started_at <= first.finished_at <= third.started_at


async def test_a_time_limit_is_retried_where_it_is_named(tmp_path: Path) -> None:
    """It would mostly take as long again, so an empty `on` does not mean it."""

    def slow_at_first(folder: Path) -> str:
        if not any(folder.iterdir()):
            (folder / "seen").touch()
            time.sleep(60)
        return "quick"

    named = RetryPolicy(max_tries=2, on=("JobTimeout",), **QUICK)
    job = await options(retry=named, timeout=1).submit(slow_at_first, tmp_path)
    assert await job == "quick"
    assert [(each.state, each.error_type) for each in await job.attempts()] == [
        ("retried", "JobTimeout"), ("succeeded", ""),
    ]  # fmt: skip
    with pytest.raises(JobTimeout):
        await options(retry=RetryPolicy(**QUICK), timeout=0.3).run(time.sleep, 60)


@pytest.mark.needs_processes("own process")
async def test_a_process_that_dies_runs_again_as_often_as_said(tmp_path: Path) -> None:
    """Three times in all without a policy; `never_on` is for what must not run twice."""

    def dies(folder: Path) -> None:
        (folder / str(len(list(folder.iterdir())))).touch()
        os.kill(os.getpid(), signal.SIGKILL)

    (once := tmp_path / "once").mkdir()
    with pytest.raises(JobCrashed, match="SIGKILL"):
        await options(retry=RetryPolicy(never_on=("JobCrashed",))).run(dies, once)
    (twice := tmp_path / "twice").mkdir()
    with pytest.raises(JobCrashed, match="SIGKILL"):
        await options(retry=RetryPolicy(max_tries=2, on=("JobCrashed",), **QUICK)).run(dies, twice)
    assert (len(_names(once)), len(_names(twice))) == (1, 2)


async def test_a_job_that_is_retried_by_hand_goes_on_where_it_was() -> None:
    """`job.retry()` of a job that did not succeed starts from its last `checkpoint`, which is kept for 24 hours."""

    def half_each() -> int:
        done: int = last_checkpoint(0) + 50
        checkpoint(done)
        if done < 100:
            raise RuntimeError("half done")
        return done

    first = await submit(half_each)
    with pytest.raises(JobFailed, match="half done"):
        await first
    assert await (await first.retry()) == 100


async def test_so_does_the_retry_of_a_retry(tmp_path: Path) -> None:
    """The newest checkpoint of all that it goes back to is the one."""
    ledger = tmp_path / "ledger"

    def third_time() -> int:
        with ledger.open("a") as file:
            file.write("x")
        if ledger.stat().st_size == 1:
            checkpoint(7)
        if ledger.stat().st_size < 3:
            raise RuntimeError("again")
        found: int = last_checkpoint(0)
        return found

    job = await submit(third_time)
    for _ in range(2):
        with pytest.raises(JobFailed, match="again"):
            await job
        job = await job.retry()
    assert await job == 7


@pytest.mark.needs_processes("own process")
async def test_a_preset_fits_a_kind_of_work() -> None:
    """`preset="solver"` or `"evaluation"` fills in what is not given."""

    def where() -> int:
        return os.getpid()

    solver = options(preset="solver", tags=["plan"])
    first, second = await solver.submit(where), await solver.submit(where)
    assert await first != await second  # each has a fresh process
    record = await first.info()
    assert (record.max_tries, record.state) == (3, State.SUCCEEDED)
    with pytest.raises(JobTimeout, match=r"time limit of 0\.3 s"):
        await options(preset="evaluation", timeout=0.3).run(time.sleep, 60)
