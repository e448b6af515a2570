"""Word that workers leave: sent until it is heard, by a worker that may, once at a time, with a record of it."""

import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from nbqueue.client.handle import Job
from nbqueue.client.queue import Queue
from nbqueue.client.submitter import options
from nbqueue.model.delivery import Delivery, DeliveryState
from nbqueue.model.settings import Settings
from tests.receivers import Receiver, receiver, status
from tests.waiting import wait_until
from tests.workers import Worker, running_worker, start_worker

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """Somebody who listens."""
    with receiver() as hooks:
        yield hooks


@pytest.fixture
def worker(settings: Settings, hooks: Receiver) -> Iterator[Worker]:
    """A worker that may leave word there, and waits half a second before the second attempt."""
    allowed = ("--webhook-hosts", hooks.host, "--webhook-private", "--webhook-backoff", "0.5", "--webhook-tries", "3")
    with running_worker(settings, "--slots", "1", *allowed) as worker:
        yield worker


def one() -> int:
    """A job that ends at once."""
    return 1


def dies() -> None:
    """A job whose process dies."""
    import os

    os._exit(3)


def endless() -> None:
    """A job that ends when it is stopped."""
    threading.Event().wait()


def delivery(job: Job[object], state: DeliveryState = DeliveryState.DELIVERED, timeout_s: float = 15.0) -> Delivery:
    """How word of a job was left, once it is in that state."""
    return wait_until(lambda: next((each for each in job.deliveries().wait() if each.state is state), None), timeout_s)  # type: ignore[return-value]


@pytest.mark.usefixtures("worker")
def test_every_end_is_told(hooks: Receiver) -> None:
    """Success, failure, cancel while it waits or runs, a time limit, a crash, and expiry each leave word, once."""
    asking = options(on_done=hooks.url)
    ended = {
        "succeeded": asking.submit(one).wait(),
        "failed": asking.submit(lambda: 1 / 0).wait(),
        "timed_out": options(on_done=hooks.url, timeout=0.2).submit(endless).wait(),
        "crashed": asking.submit(dies).wait(),
    }
    waiting = options(on_done=hooks.url, delay=60).submit(one).wait()
    assert waiting.cancel().wait() == "cancelled"
    running = asking.submit(endless).wait()
    wait_until(lambda: running.state().wait() == "running", 20)
    late = options(on_done=hooks.url, expires=0.001, after=[running], on_parent_failure="run").submit(one).wait()
    running.cancel().wait()
    found = {message.json["id"]: message.json for message in hooks.wait(7, 30)}
    assert {job.id: state for state, job in ended.items()}.items() <= {
        key: each["state"] for key, each in found.items()
    }.items()
    assert [found[job.id]["state"] for job in (waiting, running, late)] == ["cancelled", "cancelled", "expired"]
    assert len(hooks.messages) == 7


@pytest.mark.usefixtures("worker")
def test_what_is_told(hooks: Receiver) -> None:
    """The body says which job, how it ended and when, in UTC."""
    job = options(on_done=hooks.url, job_id="plan-7").submit(one).wait()
    [message] = hooks.wait()
    record = job.info().wait()
    assert record.submitted_at is not None
    assert record.started_at is not None
    assert record.finished_at is not None
    assert message.json == {
        "type": "job.ended", "timestamp": record.finished_at.isoformat(), "id": "plan-7", "state": "succeeded",
        "function": record.function, "label": record.label, "queue": "default", "group": "", "error_type": "",
        "error": "", "submitted_at": record.submitted_at.isoformat(), "started_at": record.started_at.isoformat(),
        "finished_at": record.finished_at.isoformat(), "attempt": 1,
    }  # fmt: skip
    assert abs(datetime.now(UTC).timestamp() - int(message.headers["webhook-timestamp"])) < 60


@pytest.mark.usefixtures("worker")
def test_word_is_sent_until_it_is_heard(hooks: Receiver) -> None:
    """Errors and redirects are tried again after a pause, under the same id and signed anew; each is recorded."""
    hooks.replies = [status(500), status(302, location="http://localhost:1/"), status(200)]
    job = options(on_done=hooks.url).submit(one).wait()
    first = delivery(job, DeliveryState.WAITING)
    assert wait_until(lambda: job.deliveries().wait()[0].attempts) == 1
    first = job.deliveries().wait()[0]
    assert (first.status, first.error, first.url) == (500, "The receiver answered 500.", hooks.url)
    assert first.next_at is not None
    assert first.next_at - datetime.now(UTC) < timedelta(seconds=1)
    last = delivery(job)
    assert (last.attempts, last.status, last.error, last.next_at) == (3, 200, "", None)
    assert last.delivered_at is not None
    assert len({message.headers["webhook-id"] for message in hooks.messages}) == 1


@pytest.mark.usefixtures("worker")
def test_word_that_is_never_heard(hooks: Receiver) -> None:
    """After its attempts it is given up, and a receiver that answers 410 is not asked again."""
    hooks.replies = [status(410), status(503)]
    gone = options(on_done=hooks.url).submit(one).wait()
    assert delivery(gone, DeliveryState.GONE).attempts == 1
    failed = options(on_done=hooks.url).submit(one).wait()
    found = delivery(failed, DeliveryState.FAILED)
    assert (found.attempts, found.status, found.next_at) == (3, 503, None)


def test_a_worker_that_may_leave_word_does(settings: Settings, hooks: Receiver) -> None:
    """Beside one that may not, and also where it comes later; meanwhile the record says in a sentence what lacks."""
    with running_worker(settings, "--slots", "1"):
        job = options(on_done=hooks.url).submit(one).wait()
        lacking = wait_until(lambda: [each for each in job.deliveries().wait() if each.error], 10)[0]
        assert lacking.error == (
            f"No worker allows the host {hooks.host}: start one with `nbqueue worker --webhook-hosts {hooks.host}`."
        )
        assert (lacking.state, lacking.attempts, hooks.messages) == (DeliveryState.WAITING, 0, [])
        with running_worker(settings, "--slots", "1", "--webhook-hosts", hooks.host, "--webhook-private"):
            for _ in range(4):
                delivery(options(on_done=hooks.url).submit(one).wait())


@pytest.mark.usefixtures("worker")
def test_a_retry_leaves_word_too(hooks: Receiver) -> None:
    """A retried job has the webhook of the first, from any handle."""
    job = options(on_done=hooks.url).submit(lambda: 1 / 0).wait()
    hooks.wait()
    again = Job[float](job.id).retry().wait()
    assert [message.json["id"] for message in hooks.wait(2)] == [job.id, again.id]


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_many_ends_at_once(hooks: Receiver) -> None:
    """Each job of a large group leaves its word once."""
    group = options(on_done=hooks.url, run_in="async").submit_map("no-such-function", range(60)).wait()
    hooks.wait(60, 40)
    assert sorted(message.json["id"] for message in hooks.messages) == sorted(group.ids)


def test_a_burst_leaves_word_before_it_ends(settings: Settings, hooks: Receiver) -> None:
    """A worker that ends when nothing is left to do has left word of what it did."""
    jobs = [options(on_done=hooks.url).submit(one).wait() for _ in range(12)]
    words = ("--burst", "--slots", "2", "--webhook-hosts", hooks.host, "--webhook-private")
    assert start_worker(settings, *words).exit_code(30) == 0
    assert sorted(message.json["id"] for message in hooks.messages) == sorted(job.id for job in jobs)
    assert all(delivery(job).attempts == 1 for job in jobs)


def test_a_worker_that_is_told_to_end(settings: Settings, hooks: Receiver) -> None:
    """What it is about to leave it leaves, and records, before it ends."""
    told = threading.Event()

    def late(handler: BaseHTTPRequestHandler) -> None:
        told.wait(20)
        status(200)(handler)

    hooks.replies = [late]
    with running_worker(settings, "--slots", "1", "--webhook-hosts", hooks.host, "--webhook-private") as worker:
        job = options(on_done=hooks.url).submit(one).wait()
        hooks.wait()
        worker.signal(signal.SIGTERM)
        wait_until(lambda: "SIGTERM" in worker.log)
        told.set()
        assert worker.exit_code(20) == 0
    assert job.deliveries().wait()[0].state is DeliveryState.DELIVERED


@pytest.mark.slow
def test_failures_within_a_window(settings: Settings, hooks: Receiver, worker: Worker) -> None:
    """An alert on the share of failures looks at what ended since, whoever looks."""
    queue = Queue("default")
    alert = queue.alert(failure_rate=0.5, window_s=3, on=hooks.url).wait()
    assert queue.alert(failure_rate=0.5, window_s=3, on=hooks.url).wait().id == alert.id
    wait_until(lambda: _remembers(settings), 10)
    options().submit_map("no-such-function", range(20)).wait().results(return_errors=True).wait(20)
    [fired] = hooks.wait(timeout_s=15)
    assert (fired.json["type"], fired.json["measure"], fired.json["value"]) == (
        "queue.alert.firing",
        "failure_rate",
        1.0,
    )
    assert hooks.wait(2, 15)[1].json["state"] == "resolved"
    assert worker.process.poll() is None


def _remembers(settings: Settings) -> bool:
    """Whether a worker has looked at the alerts."""
    import redis

    with redis.Redis(unix_socket_path=str(settings.url).removeprefix("unix://")) as client:
        return bool(client.hlen("nbq:alarms"))
