"""Without a server: what holds when jobs run in the process that submits them."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

import nbqueue
from nbqueue import JobCancelled, JobLost, JobTimeout, Queue, RetryPolicy, Settings, State, options, run, submit, task
from nbqueue.client.portal import shutdown
from nbqueue.model.events import StateChanged
from nbqueue.testing import inline_session
from tests.waiting import until, wait_until


@pytest.fixture(autouse=True)
def settings() -> Iterator[Settings]:
    """A session without a server, with room for two functions at once."""
    with inline_session(slots=2) as settings:
        yield settings


async def _running(job: nbqueue.Job[object]) -> None:
    async for event in job.events():
        if isinstance(event, StateChanged) and event.state is State.RUNNING:
            return


async def _said(job: nbqueue.Job[object]) -> None:
    """Wait until the job has said something."""

    async def has_said() -> bool:
        return await job.logs() != ""

    said: Callable[[], bool | Awaitable[bool]] = has_said
    await until(said)


async def test_it_is_this_process() -> None:
    """Functions run in threads of this process, coroutines together in another one."""

    def where() -> tuple[int, str]:
        return os.getpid(), threading.current_thread().name

    async def there() -> tuple[int, str]:
        return where()

    pid, thread = await run(where)
    assert (pid, thread.startswith("job-")) == (os.getpid(), True)
    assert await run(there) == (os.getpid(), "nbqueue-jobs")


async def test_arguments_are_pickled() -> None:
    """A job gets copies, and what cannot be sent is refused as with a server."""

    def add(items: list[int]) -> list[int]:
        items.append(4)
        return items

    given = [1, 2, 3]
    assert (await run(add, given), given) == ([1, 2, 3, 4], [1, 2, 3])
    with pytest.raises(nbqueue.NotSendable):
        await run(add, threading.Lock())  # type: ignore[call-overload]


async def test_every_queue_is_served() -> None:
    """There is no other worker to serve it."""
    assert await options(queue="gpu").run(abs, -1) == 1
    assert await options(queue="nightly").run(abs, -2) == 2
    [worker] = await Queue("gpu").workers()
    assert worker.queues == ("default", "gpu", "nightly")


async def test_code_that_looks_is_stopped() -> None:
    """A cancel asks, and what the code hands back is the partial result."""

    def count() -> int:
        done = 0
        while not nbqueue.should_stop():
            done += 1
            time.sleep(0.01)
        return done

    job = await submit(count)
    await _running(job)
    assert await job.cancel() == "cancelled"
    with pytest.raises(JobCancelled) as caught:
        await job
    assert caught.value.partial > 0


async def test_a_coroutine_is_cancelled() -> None:
    """A coroutine that does not look is cancelled where it awaits, and so are the tasks it left."""
    job = await submit(asyncio.sleep, 60)
    await _running(job)
    assert await job.cancel() == "cancelled"


async def test_code_that_does_not_look_is_only_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A thread cannot be ended: `cancel()` says that it has asked, and the job runs on until its code ends."""
    monkeypatch.setattr("nbqueue.client.cancelling.SIGN_S", 0.3)

    def stubborn(gate: Path) -> str:
        while not gate.exists():
            time.sleep(0.01)
        return "done"

    job = await submit(stubborn, tmp_path / "gate")
    await _running(job)
    assert await job.cancel() == "requested"
    assert await job.state() is State.RUNNING
    (tmp_path / "gate").touch()
    with pytest.raises(JobCancelled) as caught:
        await job
    assert caught.value.partial == "done"


async def test_code_that_passes_its_limit_is_let_go(tmp_path: Path) -> None:
    """Its job ends and says that the code goes on; others go on beside it."""

    def stubborn(gate: Path) -> None:
        while not gate.exists():
            time.sleep(0.01)
        gate.with_suffix(".passed").touch()

    gate = tmp_path / "gate"
    job = await options(timeout=0.1).submit(stubborn, gate)
    with pytest.raises(JobTimeout, match=r"limit of 0.1 s. Its code does not stop when asked to, and goes on"):
        await job
    assert await nbqueue.submit_map(abs, range(4)).wait() == [0, 1, 2, 3]
    gate.touch()
    await until(gate.with_suffix(".passed").exists)
    assert await job.state() is State.TIMED_OUT


async def test_after_a_cancel_the_limit_still_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that heeds neither goes on, so its job is no cancelled one."""
    monkeypatch.setattr("nbqueue.client.cancelling.SIGN_S", 0.1)

    def stubborn(gate: Path) -> None:
        while not gate.exists():
            time.sleep(0.01)

    job = await options(timeout=0.5).submit(stubborn, tmp_path / "gate")
    await _running(job)
    assert await job.cancel() == "requested"
    with pytest.raises(JobTimeout, match="goes on in the process it shares"):
        await job
    (tmp_path / "gate").touch()


async def test_listeners_are_told_in_a_thread() -> None:
    """A function given to `on_stop` is called while the code of the job waits."""

    def waits() -> str:
        told = threading.Event()
        nbqueue.on_stop(told.set)
        told.wait(10)
        return str(nbqueue.stop_reason())

    job = await options(timeout=0.4, grace=0.2).submit(waits)
    assert await job == "timeout"
    assert (await job.info()).stopped_by == "timeout"


async def test_coroutines_have_another_loop_when_one_is_held(tmp_path: Path) -> None:
    """A coroutine that blocks past its limit keeps its loop to itself; later ones get a new one."""

    async def blocking(gate: Path) -> None:
        while not gate.exists():  # noqa: ASYNC240 - blocking is the fault under test
            time.sleep(0.01)  # noqa: ASYNC251

    gate = tmp_path / "gate"
    with pytest.raises(JobTimeout):
        await options(timeout=0.1).run(blocking, gate)
    assert await run(asyncio.sleep, 0, "next") == "next"
    gate.touch()


async def test_prints_are_the_log_and_only_those_of_jobs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What jobs print is told apart from what others print meanwhile, and the streams are put back."""
    before = sys.stdout

    def speak(word: str, gate: Path) -> None:
        print("one", word)  # noqa: T201
        while not gate.exists():
            time.sleep(0.01)
        print("two", word, file=sys.stderr)  # noqa: T201

    gate = tmp_path / "gate"
    jobs = [await submit(speak, word, gate) for word in "ab"]
    for job in jobs:
        await _said(job)
    print("between")  # noqa: T201
    gate.touch()
    for job in jobs:
        await job
    assert [await job.logs() for job in jobs] == ["one a\ntwo a\n", "one b\ntwo b\n"]
    assert "between\n" in capsys.readouterr().out
    await until(lambda: sys.stdout is before)


async def test_the_next_attempt_has_the_checkpoint() -> None:
    """Retries, their policy and checkpoints work as with a server."""

    def twice() -> str:
        if nbqueue.last_checkpoint() is None:
            nbqueue.checkpoint("kept")
            raise OSError("once")
        return str(nbqueue.last_checkpoint())

    assert await options(retry=RetryPolicy(max_tries=2, base=0.01)).run(twice) == "kept"
    assert list((await nbqueue.history())["state"]) == ["retried", "succeeded"]


async def test_a_name_stands_for_a_function_registered_here() -> None:
    """Functions may be registered at any time, also after the first submit, and bring their options."""
    await run(abs, -1)

    @task("inline-double", label="twice")
    async def double(number: int) -> int:
        return 2 * number

    job = await submit("inline-double", 4)
    assert await job == 8
    with pytest.raises(nbqueue.JobFailed, match="No function 'inline-none' is registered"):
        await run("inline-none")


def test_jobs_go_on_while_the_client_is_closed(tmp_path: Path) -> None:
    """Closing the connections, as `%unload_ext nbqueue` does, ends no job; a handle goes on later."""

    def wait(gate: Path) -> str:
        while not gate.exists():
            time.sleep(0.01)
        return "went on"

    job = submit(wait, tmp_path / "gate").wait()
    shutdown()
    (tmp_path / "gate").touch()
    assert nbqueue.attach(job.id).wait().wait(5) == "went on"


def test_threads_share_one_worker() -> None:
    """Several threads that submit at once are served by one worker."""
    found: list[int] = []
    threads = [threading.Thread(target=lambda n=n: found.append(run(abs, -n).wait(10))) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert len(Queue("default").workers().wait()) == 1


def test_going_elsewhere_and_back() -> None:
    """`configure` to another store and back: handles keep theirs, each store has its own jobs."""
    job = submit(abs, -1).wait()
    with inline_session():
        assert run(abs, -2).wait() == 2
        assert job.wait() == 1
        assert len(nbqueue.history().wait()) == 1
    assert nbqueue.history().wait()["job"].tolist() == [job.id]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a platform without fork")
def test_a_forked_copy_begins_anew() -> None:
    """The copy has a store and a worker of its own, and disturbs nothing in the original."""
    job = submit(abs, -1).wait()
    assert job.wait() == 1
    copy = os.fork()
    if copy == 0:
        code = 1
        try:
            lost = False
            try:
                nbqueue.attach(job.id).wait(10)
            except JobLost:
                lost = True
            code = 0 if lost and run(abs, -2).wait(10) == 2 else 2
        finally:
            os._exit(code)
    assert os.waitpid(copy, 0)[1] == 0
    assert run(abs, -3).wait(10) == 3


def test_what_a_job_forks_does_not_speak_for_it() -> None:
    """A copy of the process made by a job reports nothing."""

    def forks() -> int:
        copy = os.fork()
        if copy == 0:
            print("from the copy")  # noqa: T201
            nbqueue.progress(5, 10)
            os._exit(0)
        return os.waitpid(copy, 0)[1]

    job = submit(forks).wait()
    assert job.wait(10) == 0
    assert job.logs().wait() == ""


def test_nothing_is_left_running() -> None:
    """After the session its threads are gone."""

    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith(("nbqueue-", "job-"))]

    before = len(names())
    with inline_session():
        assert run(abs, -1).wait() == 1
        assert run(asyncio.sleep, 0, 2).wait() == 2
        assert len(names()) == before + 2
    wait_until(lambda: len(names()) == before)
