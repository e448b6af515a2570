"""Workers that die or stand still while they leave word: it is left all the same, and recorded once."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from nbqueue.broker.words import LEASE_S
from nbqueue.client.handle import Job
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.client.submitter import options
from nbqueue.model.delivery import Delivery, DeliveryState
from nbqueue.model.settings import Settings
from tests.receivers import Receiver, receiver, status
from tests.waiting import wait_until
from tests.workers import Worker, running_worker

#: until another worker has taken over, doubled for a busy machine
TAKEN_OVER_S = 2 * LEASE_S


@pytest.fixture(autouse=True)
def _client(settings: Settings) -> Iterator[None]:
    configure(settings)
    yield
    shutdown()


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A receiver that answers the first message only once `answer` is set, and the others at once."""
    with receiver() as hooks:
        yield hooks


@pytest.fixture
def answer(hooks: Receiver) -> Iterator[threading.Event]:
    """Lets the first message be answered."""
    told = threading.Event()

    def late(handler: BaseHTTPRequestHandler) -> None:
        told.wait(60)
        status(500)(handler)

    hooks.replies = [late, status(204)]
    yield told
    told.set()


def one() -> int:
    """A job that ends at once."""
    return 1


def allowed(hooks: Receiver) -> tuple[str, ...]:
    """What a worker is started with."""
    return ("--slots", "1", "--webhook-hosts", hooks.host, "--webhook-private")


def delivery(job: Job[int]) -> Delivery:
    """How word of it was left."""
    [found] = job.deliveries().wait()
    return found


def begun(hooks: Receiver, worker: Worker) -> Job[int]:
    """A job whose word this worker is about to leave."""
    job = options(on_done=hooks.url).submit(one).wait()
    hooks.wait(1, 15)
    assert worker.process.poll() is None
    return job


@pytest.mark.slow
def test_a_worker_killed_in_the_middle(settings: Settings, hooks: Receiver, answer: threading.Event) -> None:
    """Another one sends the same message when the lease of the delivery ends; the record tells of one attempt."""
    with running_worker(settings, *allowed(hooks)) as worker:
        job = begun(hooks, worker)
        worker.kill()
    with running_worker(settings, *allowed(hooks)):
        first, second = hooks.wait(2, TAKEN_OVER_S)
        wait_until(lambda: delivery(job).state is DeliveryState.DELIVERED)
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert (delivery(job).attempts, delivery(job).status) == (1, 204)
    assert not answer.is_set()


@pytest.mark.slow
def test_a_worker_that_stood_still(settings: Settings, hooks: Receiver, answer: threading.Event) -> None:
    """What it wants to record after another one was faster is refused."""
    with running_worker(settings, *allowed(hooks), machine="one") as frozen:
        job = begun(hooks, frozen)
        frozen.freeze()
        with running_worker(settings, *allowed(hooks), machine="two"):
            hooks.wait(2, TAKEN_OVER_S)
            wait_until(lambda: delivery(job).state is DeliveryState.DELIVERED)
            recorded = delivery(job)
            answer.set()
            frozen.thaw()
            wait_until(lambda: "was not heard" in frozen.log, 20)
            other = options(on_done=hooks.url).submit(one).wait()
            wait_until(lambda: delivery(other).state is DeliveryState.DELIVERED, 10)
    assert delivery(job) == recorded
    assert len(hooks.messages) == 3


def test_one_message_at_a_time(settings: Settings, hooks: Receiver) -> None:
    """Two workers beside one another leave each word once."""
    with running_worker(settings, *allowed(hooks)), running_worker(settings, *allowed(hooks)):
        group = options(on_done=hooks.url, run_in="async").submit_map("no-such-function", range(40)).wait()
        hooks.wait(40, 30)
        wait_until(lambda: all(delivery(job).state is DeliveryState.DELIVERED for job in group), 10)
    assert sorted(message.json["id"] for message in hooks.messages) == sorted(group.ids)
