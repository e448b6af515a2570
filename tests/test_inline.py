"""Without a server: what holds when jobs run in the process that submits them."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

import nbqueue
from nbqueue import JobLost, Queue, RetryPolicy, Settings, options, run, submit, task
from nbqueue.client.portal import shutdown
from nbqueue.testing import inline_session
from tests.waiting import until, wait_until


@pytest.fixture(autouse=True)
def settings() -> Iterator[Settings]:
    """A session without a server, with room for two functions at once."""
    with inline_session(slots=2) as settings:
        yield settings


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

    async def is_told() -> bool:
        [worker] = await Queue("gpu").workers()
        return worker.queues == ("default", "gpu", "nightly")

    await until(is_told)


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


def test_prints_of_others_while_jobs_begin_and_end(tmp_path: Path) -> None:
    """Code that prints meanwhile loses neither a line nor its process."""
    program = tmp_path / "prints.py"
    program.write_text(
        """
import nbqueue
nbqueue.configure(url="inline:")
for number, job in enumerate(nbqueue.submit_map(abs, range(300)).wait().as_completed()):
    print("got", number, job.id)
""",
        encoding="utf-8",
    )
    for _ in range(3):
        found = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=60)
        assert (found.returncode, len(found.stdout.splitlines()), found.stderr) == (0, 300, "")


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


async def test_its_limits_hold_from_the_moment_it_is_registered() -> None:
    """Also where it is called by its name."""
    under_way: list[int] = []

    @nbqueue.task("here-alone", concurrency=1)
    async def alone(number: int) -> int:
        under_way.append(number)
        await asyncio.sleep(0.02)
        found = len(under_way)
        under_way.remove(number)
        return found

    assert await (await nbqueue.submit_map("here-alone", range(4))) == [1] * 4
    assert max(await (await nbqueue.options(concurrency=4).submit_map("here-alone", range(4)))) == 4
    assert await alone(1) == 1


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


async def test_the_worker_here_is_told_what_others_are() -> None:
    """Queues with their numbers and resources come from the settings, and are announced."""
    with inline_session(slots=2, queues="high=3,default", queue_concurrency="slow=1", resources="gpu=1"):
        await (await options(resources={"gpu": 1}).submit(time.sleep, 0))
        [engine] = await Queue("slow").workers()
        assert (engine.queues, engine.resources) == (("high", "default", "slow"), {"gpu": 1.0})
        with pytest.raises(TimeoutError, match=r"No worker that serves queue .default. offers gpu=2: start one with"):
            await asyncio.to_thread((await options(resources={"gpu": 2}).submit(time.sleep, 0)).wait, 1)
