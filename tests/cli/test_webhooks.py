"""webhooks: what waits, what was not heard, sending again, and the secret of receivers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbqueue.client.portal import shutdown
from nbqueue.client.queue import Queue
from nbqueue.client.session import configure
from nbqueue.client.submitter import options
from nbqueue.model.settings import Settings, load_settings
from tests.cli.commands import run
from tests.receivers import Receiver, receiver, status
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """Somebody who listens."""
    with receiver() as hooks:
        yield hooks


@pytest.fixture
def at(settings: Settings, hooks: Receiver) -> Iterator[tuple[str, ...]]:
    """A server, and a worker that sends twice."""
    configure(settings)
    words = ("--webhook-hosts", hooks.host, "--webhook-private", "--webhook-tries", "2", "--webhook-backoff", "0.1")
    with running_worker(settings, "--slots", "1", *words):
        yield ("--url", str(settings.url))
    shutdown()


def test_what_was_not_heard_is_listed_and_sent_again(at: tuple[str, ...], hooks: Receiver) -> None:
    """A failed message stands in the list with its last status, until `retry` has it heard."""
    hooks.replies = [status(500)]
    job = options(on_done=hooks.url, job_id="plan").submit("no-such-function").wait()
    [failed] = wait_until(lambda: json.loads(run("webhooks", "list", "--failed", "--json", *at).stdout), 15)
    assert (failed["id"], failed["state"], failed["attempts"], failed["status"]) == ("plan", "failed", 2, 500)
    row = run("webhooks", "list", *at).stdout.splitlines()[1].split()
    assert row[:5] == ["plan", "failed", "2", "500", hooks.url]
    hooks.replies = [status(200)]
    assert json.loads(run("webhooks", "retry", "--failed", "--json", *at).stdout) == {"plan": "waiting"}
    hooks.wait(3)
    wait_until(lambda: job.deliveries().wait()[0].state == "delivered")
    assert run("webhooks", "list", *at).stdout == "No word is to be left.\n"
    assert run("webhooks", "retry", "plan", *at).stdout == "plan  delivered\n"


def test_ids_that_nobody_knows(server: Server) -> None:
    """They are said to be unknown, with exit code 1; without ids and --failed it is wrong usage."""
    found = run("webhooks", "retry", "nothing", "--url", server.url)
    assert (found.exit_code, found.stdout) == (1, "nothing  unknown\n")
    assert run("webhooks", "retry", "--failed", "--url", server.url).exit_code == 0
    wrong = run("webhooks", "retry", "--url", server.url)
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)


def test_the_secret(tmp_path: Path) -> None:
    """One line a key, the same each time, and nothing of the key in it."""
    key_file = tmp_path / "keys" / "signing.key"
    lacking = run("webhooks", "secret", "--key-file", str(key_file))
    assert (lacking.exit_code, f"There is no signing key {key_file}" in lacking.stderr) == (2, True)
    assert not key_file.exists()
    run("signing-key", "new", "--key-file", str(key_file))
    first = run("webhooks", "secret", "--key-file", str(key_file)).stdout
    assert first == run("webhooks", "secret", "--key-file", str(key_file)).stdout
    assert first.startswith("whsec_")
    line = key_file.read_text()
    assert line.split()[1] not in first
    key_file.write_text(line + "older " + "ab" * 32 + "\n")
    both = run("webhooks", "secret", "--key-file", str(key_file)).stdout
    assert both.startswith(first)
    assert len(both.split()) == 2


def test_hosts_that_cannot_be_meant(settings: Settings) -> None:
    """A worker is not started with them; one sentence says why."""
    found = run("worker", "--url", str(settings.url), "--webhook-hosts", "https://hooks.example")
    rule = "give names such as hooks.example.com, *.corp.example, host:80."
    sentence = f"nbqueue: --webhook-hosts 'https://hooks.example' cannot be used: {rule}\n"
    assert (found.exit_code, found.stderr) == (2, sentence)


def test_hosts_from_the_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """NBQUEUE_WEBHOOK_HOSTS stands for the option, so that the worker of a local stack has it too."""
    monkeypatch.setenv("NBQUEUE_WEBHOOK_HOSTS", "hooks.example:8443, *.corp.example:443")
    monkeypatch.setenv("NBQUEUE_WEBHOOK_PRIVATE", "1")
    assert load_settings().webhook_private
    configure(settings)
    with running_worker(settings, "--slots", "1"):
        [engine] = Queue().workers().wait()
    shutdown()
    assert engine.webhook_hosts == ("hooks.example:8443", "*.corp.example:443")
