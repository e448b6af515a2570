"""Webhooks as a way into the worker's network: closed to who submits, who writes to the server, and who answers."""

import json
from collections.abc import Iterator

import pytest

from nbqueue.broker import hook
from nbqueue.broker.signing import Keyring
from nbqueue.client.handle import Job
from nbqueue.client.queue import Queue
from nbqueue.client.submitter import options
from nbqueue.errors import ConfigurationError
from nbqueue.model.delivery import Delivery, DeliveryState
from nbqueue.model.settings import Settings
from tests.receivers import Receiver, receiver, status
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Worker, running_worker


@pytest.fixture(scope="module")
def hooks() -> Iterator[Receiver]:
    """The receiver that is allowed."""
    with receiver() as hooks:
        yield hooks


@pytest.fixture(scope="module")
def worker(module_settings: Settings, hooks: Receiver) -> Iterator[Worker]:
    """A worker that allows one receiver on this machine, and every host of the internet."""
    names = f"{hooks.host},*.example"
    allowed = ("--webhook-hosts", names, "--webhook-private", "--webhook-tries", "1")
    with running_worker(module_settings, "--slots", "1", *allowed) as worker:
        yield worker


pytestmark = pytest.mark.usefixtures("worker", "client")


@pytest.fixture(autouse=True)
def _fresh(hooks: Receiver) -> None:
    hooks.messages.clear()
    hooks.replies = [status(204)]


@pytest.fixture
def elsewhere() -> Iterator[Receiver]:
    """A receiver of this machine that nobody allowed."""
    with receiver() as elsewhere:
        yield elsewhere


def one() -> int:
    """A job that ends at once."""
    return 1


def settled(job_id: str) -> Delivery:
    """How word of a job was left in the end."""

    def asked() -> list[Delivery]:
        return [each for each in Job[int](job_id).deliveries().wait() if each.state is not DeliveryState.WAITING]

    return wait_until(asked, 15)[0]


def heard(hooks: Receiver) -> None:
    """Word goes on to be left."""
    job = options(on_done=hooks.url).submit(one).wait()
    assert settled(job.id).state is DeliveryState.DELIVERED


def test_a_redirect_is_not_followed(hooks: Receiver, elsewhere: Receiver) -> None:
    """An allowed receiver cannot send the worker on, to whatever place."""
    for code in (301, 302, 303, 307, 308):
        hooks.replies = [status(code, location=elsewhere.url)]
        found = settled(options(on_done=hooks.url).submit(one).wait().id)
        assert (found.state, found.error) == (
            DeliveryState.FAILED,
            f"The receiver sent elsewhere ({code}), which is not followed.",
        )
    assert elsewhere.messages == []


def test_a_private_name_on_a_worker_for_the_internet(module_settings: Settings, elsewhere: Receiver) -> None:
    """Without --webhook-private an allowed name that stands for this machine is not connected to."""
    with running_worker(module_settings, "--slots", "1", "--webhook-hosts", elsewhere.host, "--webhook-tries", "1"):
        found = settled(options(on_done=elsewhere.url).submit(one).wait().id)
    assert (found.state, elsewhere.messages) == (DeliveryState.FAILED, [])
    assert found.error.startswith("localhost stands for the loopback address ")


def test_a_password_in_a_url() -> None:
    """A URL with a user is refused at submit, so that `http://allowed@evil/` fools nobody."""
    with pytest.raises(ConfigurationError, match="user name or password"):
        options(on_done="http://hooks.example@127.0.0.1/")
    with pytest.raises(ConfigurationError, match="user name or password"):
        Queue("q").alert(depth=1, on="http://hooks.example:pw@127.0.0.1/")


def test_a_url_that_another_wrote_into_the_record(
    hooks: Receiver, module_server: Server, module_settings: Settings
) -> None:
    """Who can write to the server and holds no key cannot have workers call a place: the hook is signed."""
    stranger = hook.written(Keyring({"k": b"x" * 32}), "", hooks.url + "/forged")
    other_place = hook.written(Keyring.load(module_settings.signing_key_file), "other", hooks.url + "/forged")
    real = hook.written(Keyring.load(module_settings.signing_key_file), "", hooks.url)
    with module_server.client() as client:
        for number, text in enumerate((stranger, other_place, real.replace("/word", "/forged"), f"{hooks.host} x", "")):
            client.hset(f"nbq:job:forged-{number}", mapping={"state": "succeeded", "queue": "default", "hook": text})
            client.pexpire(f"nbq:job:forged-{number}", 60_000)
            client.zadd("nbq:hooks", {f"forged-{number}": 0})
        for number in range(3):
            found = wait_until(lambda number=number: client.hget(f"nbq:word:forged-{number}", "error"), 15)  # type: ignore[misc]
            assert found.startswith(b"The webhook was not asked for by a holder of our key")
        wait_until(lambda: client.zcard("nbq:hooks") == 0)
    assert hooks.messages == []


def test_an_alert_that_another_wrote(module_server: Server, hooks: Receiver) -> None:
    """The same for alerts: one without a signature of ours leaves no word."""
    with module_server.client() as client:
        alert = {"queue": "held", "depth": 0, "window_s": 1, "hook": f"{hooks.host} k s {hooks.url}"}
        client.zadd("arq:queue:held", {"waiting": 1})
        client.hset("nbq:alerts", "forged", json.dumps(alert))
        wait_until(lambda: any(item.startswith(b"alert:forged") for item in client.zrange("nbq:unheard", 0, -1)), 15)
        client.hdel("nbq:alerts", "forged")
        client.delete("arq:queue:held")
    assert hooks.messages == []


@pytest.mark.usefixtures("unharmed")
def test_keys_that_are_not_ours_any_more(module_server: Server, hooks: Receiver, worker: Worker) -> None:
    """Whatever is written in their place costs a worker no engine, and other word is left."""
    with module_server.client() as client:
        client.zadd("nbq:hooks", {"": 0, "no-record": 0, "wrong-word": 0, "wrong-record": 0, b"\xff\xfe": 0, "odd": 0})
        client.set("nbq:word:wrong-word", "x", px=60_000)
        client.set("nbq:job:wrong-record", "x", px=60_000)
        client.hset("nbq:word:odd", mapping={"hook": f"{hooks.host} k s {hooks.url}", "sent": "x", "turn": "y"})
        client.pexpire("nbq:word:odd", 60_000)
        client.hset(
            "nbq:alerts",
            mapping={
                "odd": '{"queue": "odd", "depth": 0, "hook": "h:1 k s u"}',
                "\udcff".encode("utf-8", "surrogateescape"): "[]",
            },
        )
        client.set("nbq:gates:odd", "x", px=60_000)
        heard(hooks)
        client.delete("nbq:alerts", "nbq:gates:odd")
        client.set("nbq:alerts", "no hash", px=5_000)
        heard(hooks)
        client.delete("nbq:alerts")
    assert worker.process.poll() is None
