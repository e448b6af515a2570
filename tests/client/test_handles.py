"""What a handle answers and does: state, logs, events, cancel, retry, live; and how it is found again."""

import asyncio
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest

from nbqueue.broker.events import message
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.client.handle import Job
from nbqueue.client.known import attach, jobs
from nbqueue.client.queue import Queue
from nbqueue.client.session import session
from nbqueue.client.submitter import options, submit
from nbqueue.errors import JobCancelled, JobError, JobFailed, JobLost
from nbqueue.model.events import Logged, Progressed, StateChanged
from nbqueue.model.progress import Progress
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine, engine
from tests.servers import Server
from tests.waiting import SLACK, until


async def rest(seconds: float) -> str:
    """Take a while."""
    await asyncio.sleep(seconds)
    return "rested"


def fail() -> None:
    """Raise."""
    raise ValueError("on purpose")


async def reporting(steps: int, *, job: Any = None) -> str:
    """Say how far it is."""
    for step in range(steps):
        await job.say({"done": step + 1, "total": steps, "metrics": {"gap": 0.5}}, f"step {step}\n")
        await asyncio.sleep(0.05)
    return "told"


async def test_a_waiting_job_is_cancelled_at_once() -> None:
    """Without any worker a cancel answers within a fifth of a second, and the job never runs."""
    for choice in (options(), options(delay=3600)):
        job = await choice.submit(rest, 1)
        begun = time.monotonic()
        assert await job.cancel() == "cancelled"
        assert time.monotonic() - begun < 0.2 * SLACK
        assert (await job.cancel(), await job.state()) == ("already finished", State.CANCELLED)
        with pytest.raises(JobCancelled, match=f"Job {job.id} .*was cancelled"):
            await job


@pytest.mark.usefixtures("running_engine")
async def test_a_running_job_is_stopped() -> None:
    """A cancel of what runs answers once it has stopped."""
    job = await submit(rest, 60)
    await _reached(job, State.RUNNING)
    begun = time.monotonic()
    assert await job.cancel() == "cancelled"
    assert time.monotonic() - begun < SLACK


async def test_a_worker_that_gives_no_sign(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the worker does not stop the job in time, the answer is "requested"."""
    monkeypatch.setattr("nbqueue.client.cancelling.SIGN_S", 0.3)
    monkeypatch.setattr("nbqueue.broker.claims.stops", _no_stops)
    with engine(settings) as deaf:
        job = await submit(time.sleep, 1)
        await _reached(job, State.RUNNING)
        assert await job.cancel() == "requested"
        await job
        assert await job.state() is State.SUCCEEDED
        assert deaf.ran == [job.id]


async def _no_stops(*_: object) -> dict[str, str]:
    return {}


async def _reached(job: Job[Any], state: State) -> None:
    async for event in job.events():
        if isinstance(event, StateChanged) and event.state is state:
            return


@pytest.mark.parametrize("verb", [Job.state, Job.info, Job.cancel, Job.logs, Job.retry, Job.wait])
def test_an_unknown_job_is_lost(verb: Callable[[Job[Any]], Any]) -> None:
    """Whatever a handle of an unknown id is asked, it says that the server knows no such job."""
    with pytest.raises(JobLost, match=r"knows no|no longer knows"):
        _waited(verb(Job("nobody")))


def _waited(found: Any) -> object:
    return found.wait()


@pytest.mark.usefixtures("running_engine")
async def test_a_retry_is_a_new_job() -> None:
    """A retry runs the same call with the same options under a new id, once the first has ended."""
    job = await options(label="again", tags=["a"], queue="other").submit(rest, 0.0)
    with pytest.raises(JobError, match=r"has not ended, it is queued: retry\(\) runs again what has ended"):
        await job.retry()
    assert await job.cancel() == "cancelled"
    copy = await job.retry()
    info = await copy.info()
    assert (info.retry_of, info.label, info.tags, info.queue) == (job.id, "again", ("a",), "other")
    assert copy.id != job.id
    assert await copy.cancel() == "cancelled"
    failed = await submit(fail)
    with pytest.raises(JobFailed):
        await failed
    with pytest.raises(JobFailed, match="on purpose"):
        await (await failed.retry())


@pytest.mark.usefixtures("running_engine")
async def test_an_ended_job_is_retried_by_anybody_as_long_as_its_error_is_kept(
    settings: Settings, server: Server
) -> None:
    """The server has the call of a failed or cancelled job for a while; that of one that succeeded it drops."""
    failed = await options(keep_error=100).submit(fail)
    with pytest.raises(JobFailed):
        await failed
    copy = await (await attach(failed.id)).retry()
    with pytest.raises(JobFailed, match="on purpose"):
        await copy
    with server.client() as client:
        assert 0 < client.ttl(Keys(settings.namespace).submission(failed.id)) <= 100
    waiting = await options(queue="nobody").submit(rest, 0.0)
    assert await waiting.cancel() == "cancelled"
    again = await (await attach(waiting.id)).retry()
    assert (await again.info()).retry_of == waiting.id
    assert await again.cancel() == "cancelled"
    succeeded, dropped = await submit(rest, 0.0), await options(keep_error=0).submit(fail)
    assert await succeeded == "rested"
    with pytest.raises(JobFailed):
        await dropped
    for job in (succeeded, dropped):
        with pytest.raises(JobError, match="submit it again"):
            await (await attach(job.id)).retry()


@pytest.mark.usefixtures("running_engine")
async def test_a_live_job_moves_by_itself() -> None:
    """Record, progress and log of a live job are kept up to date without anybody asking."""
    job = await submit(reporting, 4)
    live = job.live()
    seen: list[float] = []

    def over() -> bool:
        seen.append(live.record.progress.done)
        return live.record.state.is_final and live.record.finished_at is not None

    await until(over)
    assert seen == sorted(seen)
    assert {1.0, 2.0, 3.0} & set(seen)
    assert live.record.progress == Progress(done=4, total=4, metrics={"gap": 0.5})
    assert live.log_tail == "step 0\nstep 1\nstep 2\nstep 3\n"
    assert (live.record.state, live.record.tries, live.version > 4) == (State.SUCCEEDED, 1, True)
    assert await job.logs() == live.log_tail
    await _nobody_follows()


@pytest.mark.usefixtures("running_engine")
async def test_a_live_job_knows_where_it_failed_and_how_its_metrics_went() -> None:
    """The traceback is there with the end, whoever follows."""

    async def reporting_failure(*, job: Any = None) -> None:
        for number in range(5):
            await job.say({"done": number, "metrics": {"loss": 1 / (number + 1)}})
            await asyncio.sleep(0.05)
        raise ValueError("too high")

    job = await submit(reporting_failure)
    live = job.live()
    await until(lambda: live.complete)
    late = (await attach(job.id)).live()
    await until(lambda: late.complete)
    for each in (live, late):
        assert each.remote_traceback.rstrip().endswith("ValueError: too high")
        each.close()
    (points,) = live.trace.series().values()
    assert [value for _, value in points] == sorted((value for _, value in points), reverse=True)
    assert (len(points) > 1, points[-1][1]) == (True, 0.2)


async def _nobody_follows() -> None:
    link = session()._link
    assert link is not None
    await until(lambda: not link.follow._followers and not link.channels._listeners)


@pytest.mark.usefixtures("running_engine")
async def test_events_tell_all_that_happens() -> None:
    """Events begin with how the job stands, and end with its end."""
    job = await options(delay=1).submit(reporting, 2)
    found = [event async for event in job.events()]
    states = [event.state for event in found if isinstance(event, StateChanged)]
    assert states == [State.SCHEDULED, State.RUNNING, State.SUCCEEDED]
    assert [event.progress.done for event in found if isinstance(event, Progressed)] == [1, 2]
    assert "".join(event.text for event in found if isinstance(event, Logged)) == "step 0\nstep 1\n"
    late = [event for event in job.events() if isinstance(event, StateChanged)]
    assert [(event.state, event.fence) for event in late] == [(State.SUCCEEDED, 1)]
    await _nobody_follows()


async def test_leaving_the_events_ends_them() -> None:
    """Whoever breaks out of the loop is followed by nothing."""
    job = await submit(rest, 1)
    async for event in job.events():
        assert isinstance(event, StateChanged)
        break
    del event
    await _nobody_follows()
    await job.cancel()


async def test_forged_messages_are_dropped(server: Server, settings: Settings) -> None:
    """A message that no key holder wrote moves no bar."""
    job = await submit(rest, 1)
    live = job.live()
    await until(lambda: live.record.submitted_at)
    forged = message(Keyring({"forged": b"x" * 32}), Keys(), job.id, 0, progress={"done": 99})
    true = message(Keyring.load(settings.signing_key_file), Keys(), job.id, 0, progress={"done": 1})
    with server.client() as client:
        assert client.publish(Keys().live(job.id), forged) == 1
        assert client.publish(Keys().live(job.id), true) == 1
    await until(lambda: live.record.progress.done)
    assert live.record.progress.done == 1
    live.close()
    await job.cancel()


async def test_jobs_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """`attach(id)` gives a handle, `attach()` those of this notebook, newest first; it says by what they were found."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/study.ipynb")
    first = await submit(rest, 1)
    second = await options(label="the second").submit(rest, 1)
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/other.ipynb")
    other = await submit(rest, 1)
    assert [job.id for job in await attach()] == [other.id]
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/study.ipynb")
    found = await attach()
    assert [job.id for job in found] == [second.id, first.id]
    assert repr(found).startswith("<2 jobs of the notebook study.ipynb>\n")
    assert "the second" in repr(found)
    monkeypatch.delenv("JPY_SESSION_NAME")
    plain = await submit(rest, 1)
    assert [job.id for job in await jobs.recent()] == [plain.id]
    assert "does not tell the notebook's name" in repr(await jobs.recent())
    everywhere = await attach(everywhere=True)
    assert {job.id for job in everywhere} == {first.id, second.id, other.id, plain.id}
    assert (await attach(first.id)).label == "rest"
    assert await everywhere.cancel() == {"cancelled": 4}


async def test_a_handle_pickles_to_its_id() -> None:
    """A handle can be stored, and works where it is opened again."""
    job = await submit(rest, 1)
    copy = pickle.loads(pickle.dumps(job))
    assert (copy == job, copy.id, await copy.cancel()) == (True, job.id, "cancelled")


@pytest.mark.usefixtures("running_engine")
async def test_a_repr_says_what_is_known() -> None:
    """A repr is one line, and asks nobody."""
    job = await submit(rest, 0.0)
    assert repr(job) == f"<Job {job.id} rest, await it for its result>"
    await job
    assert repr(job) == f"<Job {job.id} rest, succeeded>"


async def test_a_paused_queue_starts_nothing(running_engine: Engine) -> None:
    """Jobs of a paused queue wait until it is resumed."""
    queue = Queue()
    await queue.pause()
    job = await submit(rest, 0.0)
    stats = await queue.stats()
    assert (stats.paused, stats.queued, (await job.info()).reason) == (True, 1, "paused")
    await queue.resume()
    assert await job == "rested"
    assert (await queue.stats()).ended == {State.SUCCEEDED: 1}
    assert running_engine.ran == [job.id]
