"""alerts: added, listed and removed from a shell."""

import json
from pathlib import Path

import pytest

import nbqueue
from nbqueue.broker.key_file import read
from nbqueue.client.portal import shutdown
from tests.cli.commands import run
from tests.receivers import receiver
from tests.servers import Server
from tests.workers import running_worker

URL = "https://hooks.example/alerts"


@pytest.fixture
def at(server: Server, tmp_path: Path) -> tuple[str, ...]:
    """The options that say where."""
    return ("--url", server.url, "--home", str(tmp_path))


def test_alerts_are_added_listed_and_removed(at: tuple[str, ...]) -> None:
    """The same limits and URL are one alert; a listing of one queue leaves the others out."""
    words = ("nightly", "--depth", "10", "--oldest", "600", "--failures", "0.2", "--window", "60", "--webhook", URL)
    first = run("alerts", "add", *words, *at).stdout.strip()
    assert run("alerts", "add", *words, *at).stdout.strip() == first
    other = json.loads(run("alerts", "add", "default", "--depth", "0", "--webhook", URL, "--json", *at).stdout)
    assert other == {"id": other["id"], "queue": "default", "depth": 0.0, "window_s": 300.0, "url": URL}
    [nightly] = json.loads(run("alerts", "--queue", "nightly", "--json", *at).stdout)
    assert nightly == {
        "id": first, "queue": "nightly", "depth": 10.0, "oldest_s": 600.0, "failure_rate": 0.2, "window_s": 60.0,
        "url": URL,
    }  # fmt: skip
    rows = run("alerts", *at).stdout.splitlines()
    assert rows[0].split() == ["ID", "QUEUE", "TOLD", "OF", "URL"]
    told = "depth over 10, oldest_s over 600, failure_rate over 0.2 within 60 s"
    assert {" ".join(row.split()) for row in rows[1:]} == {
        f"{first} nightly {told} {URL}", f"{other['id']} default depth over 0 {URL}",
    }  # fmt: skip
    missing = run("alerts", "remove", "default", first, other["id"], other["id"], *at)
    assert (missing.exit_code, missing.stdout) == (1, f"{first}  unknown\n{other['id']}  removed\n")
    assert run("alerts", "remove", "nightly", first, *at).exit_code == 0
    assert run("alerts", "list", *at).stdout == "No alerts.\n"


def test_an_alert_of_the_shell_is_told(at: tuple[str, ...], tmp_path: Path) -> None:
    """A worker leaves word at the URL, signed as this machine's key says."""
    with receiver() as hooks:
        run("alerts", "add", "nightly", "--depth", "0", "--webhook", hooks.url, *at)
        run("submit", "nothing.has.it", "--queue", "nightly", *at)
        settings = nbqueue.Settings(url=at[1], home=tmp_path)
        with running_worker(settings, "--slots", "1", "--webhook-hosts", hooks.host, "--webhook-private"):
            [message] = hooks.wait(1)
    shutdown()
    found = {name: message.json[name] for name in ("type", "queue", "measure", "value", "limit")}
    assert found == {"type": "queue.alert.firing", "queue": "nightly", "measure": "depth", "value": 1, "limit": 0}
    assert message.is_signed_with(run("webhooks", "secret", *at).stdout.strip())


def test_an_alert_that_is_added_again_is_signed_anew(at: tuple[str, ...], tmp_path: Path) -> None:
    """It keeps the key that signed it; added again it is the same alert, told with the key that signs by now."""
    with receiver() as hooks:
        words = ("alerts", "add", "nightly", "--depth", "0", "--webhook", hooks.url, *at)
        first = run(*words).stdout
        [old] = read(tmp_path / "signing.key")
        assert run("signing-key", "rotate", *at).exit_code == 0
        stays = run("signing-key", "remove", old, *at)
        told = f"Key {old} stays: 1 of the alerts on the server are signed with it. An alert keeps it until it is rem"
        assert (stays.exit_code, told in stays.stderr) == (2, True), stays.stderr
        assert run(*words).stdout == first
        assert run("signing-key", "remove", old, *at).stdout == f"Key {old} is accepted no longer.\n"
        run("submit", "nothing.has.it", "--queue", "nightly", *at)
        settings = nbqueue.Settings(url=at[1], home=tmp_path)
        with running_worker(settings, "--slots", "1", "--webhook-hosts", hooks.host, "--webhook-private"):
            [message] = hooks.wait(1)
    shutdown()
    assert message.json["type"] == "queue.alert.firing"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--webhook", URL), "nbqueue: An alert needs a limit: give --depth, --oldest or --failures."),
        (("--depth", "1"), "Missing option '--webhook'"),
        (("--depth", "-1", "--webhook", URL), "Invalid value for '--depth': -1 is not in the range x>=0."),
        (("--failures", "1", "--webhook", URL), "Invalid value for '--failures': 1.0 is not in the range 0<=x<1."),
        (("--oldest", "-1", "--webhook", URL), "nbqueue: oldest_s=-1.0"),
        (("--depth", "1", "--webhook", "ftp://x"), "nbqueue: The webhook 'ftp://x' cannot be used"),
    ],
)
def test_an_alert_that_cannot_be_meant(words: tuple[str, ...], said: str, at: tuple[str, ...]) -> None:
    """Nothing is kept of it."""
    refused = run("alerts", "add", "nightly", *words, *at)
    assert (refused.exit_code, said in refused.stderr) == (2, True), refused.stderr
    assert run("alerts", *at).stdout == "No alerts.\n"
