"""Leaving word: be told when a job has ended, or when a queue is in trouble."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import nbqueue
from nbqueue import ConfigurationError, Queue, options, submit_map
from nbqueue.broker.signing import Keyring
from nbqueue.client.portal import shutdown
from nbqueue.model.alerting import Crossing
from nbqueue.model.settings import Settings
from nbqueue.worker.message import secrets
from tests.receivers import Receiver, receiver
from tests.waiting import until, wait_until
from tests.workers import Worker, running_worker


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """Somebody who listens at http://localhost:<port>/word."""
    with receiver() as hooks:
        yield hooks


@pytest.fixture(autouse=True)
def worker(ground: str, settings: Settings, hooks: Receiver) -> Iterator[Worker | None]:
    """A worker that may leave word there: `nbqueue worker --webhook-hosts localhost:<port> --webhook-private`."""
    nbqueue.configure(replace(settings, webhook_hosts=hooks.host, webhook_private=True))
    if ground == "inline":
        yield None
        return
    with running_worker(settings, "--slots", "2", "--webhook-hosts", hooks.host, "--webhook-private") as worker:
        yield worker
    shutdown()


def double(number: int) -> int:
    """Any function."""
    return 2 * number


def fails() -> None:
    """One that raises."""
    raise ValueError("no such plan")


async def test_a_callable_is_called_with_the_job() -> None:
    """`on_done=` calls it once the job has ended, however it ended, in a thread where it may wait and submit."""
    seen: list[tuple[str, object]] = []

    def next_step(job: nbqueue.Job[int]) -> None:
        first = job.wait()
        seen.append((threading.current_thread().name, options().submit(double, first).wait().wait()))

    job = await options(on_done=next_step).submit(double, 21)
    assert await job == 42
    assert await until(lambda: seen) == [("nbqueue-on-done", 84)]


async def test_each_job_of_a_map_and_the_whole() -> None:
    """With `submit_map` it is called for each job; `group.on_done(fn)` once, for the group."""
    each: list[str] = []
    whole: list[int] = []
    group = await options(on_done=lambda job: each.append(job.id)).submit_map(double, range(5))
    group.on_done(lambda group: whole.append(len(group)))
    await group
    await until(lambda: len(each) == 5 and whole == [5])
    assert sorted(each) == sorted(group.ids)


async def test_a_job_that_stands_for_another() -> None:
    """Where a submit gives the job of an earlier one, its callable is called with that one's end."""
    seen: list[str] = []
    first = await options(unique=60).submit(double, 3)
    second = await options(unique=60, on_done=lambda job: seen.append(job.id)).submit(double, 3)
    await until(lambda: seen == [first.id])
    assert second == first


async def test_a_callable_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Its error is logged once; the job has its result, and other callables are called."""
    seen: list[str] = []

    def broken(job: nbqueue.Job[int]) -> None:
        raise RuntimeError(job.id)

    job = await options(on_done=[broken, lambda job: seen.append(job.id)]).submit(double, 1)
    assert await job == 2

    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if "on_done" in record.getMessage()]

    await until(lambda: seen == [job.id] and said())
    assert said() == [f"on_done of {job!r} failed; the job is not affected."]


async def test_what_cannot_be_told_is_refused_at_once() -> None:
    """A group tells callables, an alert callables or one URL: what is neither is not taken first and failed later."""
    group = await submit_map(double, [1])
    with pytest.raises(ConfigurationError, match=r"A URL belongs into options\(on_done=URL\), and hears of each job"):
        group.on_done("http://x/")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="on_done=3 cannot be used: give a callable that takes the group"):
        group.on_done(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="on=3 cannot be used: give a callable that takes a Crossing, a URL"):
        Queue("watched").alert(depth=1, on=3)  # type: ignore[arg-type]
    both: list[str | Callable[[Crossing], object]] = [print, "http://x/"]
    for on in ([], both):
        with pytest.raises(ConfigurationError, match=r"for both, set two alerts"):
            Queue("watched").alert(depth=1, on=on)
    assert await group == [2]


async def test_an_alert_tells_each_of_several(caplog: pytest.LogCaptureFixture) -> None:
    """`on=` takes a list of callables; one that raises is logged as what it is, and keeps the others from nothing."""
    told: list[Crossing] = []

    def broken(crossing: Crossing) -> None:
        raise RuntimeError(crossing.queue)

    alert = await Queue("watched").alert(depth=0, on=[broken, told.append])
    await Queue("watched").pause()
    waiting = await options(queue="watched").submit(double, 1)
    await until(lambda: bool(told))

    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if "alert" in record.getMessage()]

    await until(lambda: bool(said()))
    assert said() == [f"A callable of an alert failed, called with {told[0]!r}; the alert goes on."]
    await alert.remove()
    await waiting.cancel()


def test_a_webhook_is_sent_how_the_job_ended(hooks: Receiver, settings: Settings) -> None:
    """A worker posts it, signed: the receiver checks it with the secret of `nbqueue webhooks secret`."""
    job = options(on_done=hooks.url, label="the plan").submit(fails).wait()
    [message] = hooks.wait()
    assert (message.path, message.json["id"], message.json["state"]) == ("/word", job.id, "failed")
    assert (message.json["label"], message.json["error_type"], message.json["error"]) == (
        "the plan",
        "ValueError",
        "no such plan",
    )
    [secret] = secrets(Keyring.load(settings.signing_key_file))
    assert message.is_signed_with(secret)
    assert wait_until(lambda: job.deliveries().wait()[0].delivered_at)
    [delivery] = job.deliveries().wait()
    assert (delivery.attempts, delivery.status, delivery.url) == (1, 204, hooks.url)


def test_a_webhook_of_a_schedule(hooks: Receiver) -> None:
    """Word is left of each run of a schedule."""
    schedule = options(on_done=hooks.url).schedule(3600, double, 4).wait()
    job = schedule.trigger().wait()
    [message] = hooks.wait()
    assert (message.json["id"], message.json["state"]) == (job.id, "succeeded")
    schedule.delete().wait()


async def test_a_queue_in_trouble(hooks: Receiver) -> None:
    """An alert tells once that a limit was crossed, and once that it is over."""
    queue = Queue("nobody-serves-it")
    await queue.pause()
    alert = await queue.alert(depth=2, on=hooks.url)
    group = await options(queue="nobody-serves-it").submit_map(double, range(3))
    [fired] = hooks.wait(timeout_s=15)
    assert (fired.json["state"], fired.json["measure"], fired.json["value"], fired.json["limit"]) == (
        "firing",
        "depth",
        3.0,
        2.0,
    )
    await group.cancel()
    assert hooks.wait(2, timeout_s=15)[1].json["state"] == "resolved"
    assert [each.id for each in await queue.alerts()] == [alert.id]
    assert await alert.remove()
    assert await queue.alerts() == []


async def test_an_alert_of_this_process() -> None:
    """With a callable the process looks itself, until it ends or the alert is removed."""
    told: list[Crossing] = []
    queue = Queue("nobody-serves-it")
    await queue.pause()
    alert = await queue.alert(depth=0, oldest_s=0.5, on=told.append)
    job = await options(queue="nobody-serves-it").submit(double, 1)
    await until(lambda: {each.measure for each in told} == {"depth", "oldest_s"}, 15)
    await job.cancel()
    await until(lambda: len(told) == 4, 15)
    assert [each.state for each in told] == ["firing", "firing", "resolved", "resolved"]
    assert repr(await queue.alerts()) == f"[{alert!r}]"
    assert await alert.remove()
