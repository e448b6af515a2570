"""A password is shown nowhere: not in errors with all their variables, logs, process lists, environments or pickles."""

import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cloudpickle
import psutil
import pytest
import redis

from nbqueue import NbqueueError, NotSendable, options, run, submit
from nbqueue.broker.address import parse_url
from nbqueue.client import session
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings, load_settings
from nbqueue.worker.config import WorkerConfig
from tests import processes
from tests.attacks.conftest import TASKS
from tests.broker.contacts import free_port, listener
from tests.servers import Server, running_server
from tests.waiting import wait_until
from tests.workers import ROOT

CANARY = "S3cr3t%40/#"
ENCODED = quote(CANARY, safe="")
#: any of these in a text is a leak
FORMS = (CANARY, ENCODED, "S3cr3t")


def leaks(*texts: object) -> list[str]:
    """Where a form of the password stands, with what surrounds it."""
    found = []
    for text in map(str, texts):
        at = next((text.find(form) for form in FORMS if form in text), None)
        found += [] if at is None else [text[max(0, at - 60) : at + 20]]
    return found


@pytest.fixture(scope="module")
def port() -> int:
    """Where the server of these tests listens."""
    return free_port()


@pytest.fixture(scope="module")
def guarded(port: int) -> Iterator[Server]:
    """A server on a network port that asks for a password with odd characters."""
    with running_server(port=str(port)) as server:
        with server.client() as client:
            client.config_set("requirepass", CANARY)
        yield server


@pytest.fixture
def debug_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged, by whomever, at the lowest level."""
    with caplog.at_level(logging.DEBUG):
        yield caplog
    shutdown()


def shown(error: BaseException) -> str:
    """What a crash report, or a notebook in verbose mode, shows of an error below this file: frames with variables."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    each: traceback.TracebackException | None = report
    while each is not None:
        each.stack[:] = [frame for frame in each.stack if frame.filename != __file__]
        each = each.__cause__ or each.__context__
    return "".join(report.format()) + repr(error) + repr(error.args) + str(vars(error))


def test_a_password_with_odd_characters_works(
    guarded: Server, port: int, module_home: Path, debug_log: pytest.LogCaptureFixture
) -> None:
    """Percent-encoded in the URL it is the server's password, and no log line of anybody shows it."""
    del guarded
    configure(Settings(url=f"redis://:{ENCODED}@127.0.0.1:{port}/0", home=module_home))
    job = options(queue="nobody").submit(len, "abc").wait(5)
    assert job.cancel().wait(5) == "cancelled"
    assert leaks(debug_log.text) == []


@pytest.mark.parametrize(
    "place",
    [
        "wrong",
        "none",
        "database",
        "refused",
        "unknown",
        "mute",
        "tls",
        "garbage",
        "ended",
        "unix",
        "denied",
        "sentinel",
    ],
)
def test_an_error_on_the_way_shows_no_password(
    guarded: Server, port: int, home: Path, debug_log: pytest.LogCaptureFixture, place: str
) -> None:
    """Whatever fails: neither the sentence, nor the frames below it with all their variables, nor any log line."""
    with redis.Redis(unix_socket_path=str(guarded.path), password=CANARY) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", f">{CANARY}", "+@read", "~*")
    with (
        listener() as mute,
        listener(lambda taken: taken.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")) as web,
        listener(lambda taken: taken.close()) as ending,
    ):
        url = {
            "wrong": f"redis://:no{ENCODED}@127.0.0.1:{port}/0", "none": f"redis://127.0.0.1:{port}/0",
            "database": f"redis://:{ENCODED}@127.0.0.1:{port}/9999", "denied": f"redis://reader:{ENCODED}@127.0.0.1:{port}",
            "refused": f"redis://:{ENCODED}@127.0.0.1:{free_port()}", "unknown": f"redis://:{ENCODED}@no.such.host.invalid",
            "mute": f"redis://:{ENCODED}@127.0.0.1:{mute}", "tls": f"rediss://:{ENCODED}@127.0.0.1:{port}",
            "garbage": f"redis://:{ENCODED}@127.0.0.1:{web}", "ended": f"redis://:{ENCODED}@127.0.0.1:{ending}",
            "unix": f"unix:///tmp/no-such-socket?password={ENCODED}",
            "sentinel": f"redis+sentinel://:{ENCODED}@127.0.0.1:{free_port()}/main/0",
        }[place]  # fmt: skip
        configure(Settings(url=url, home=home, connect_timeout_s=0.5))
        with pytest.raises(NbqueueError) as caught:
            submit(len, "abc").wait(10)
    assert leaks(shown(caught.value), debug_log.text) == []
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{CANARY}@host:6379/0", f"redis://user:{CANARY}@host/0", f"redis://:{ENCODED}@host:port/0",
        f"redis://:{ENCODED}@host:6379/zero", f"redis://:{ENCODED}@host:6379/0?what=1", f"redis:/:{ENCODED}@host",
        f"{ENCODED}", f"https://:{ENCODED}@host", f"redis://:{ENCODED}%zz%ff@host", f"redis://host/0#{ENCODED}",
        f"redis://host/0?password={CANARY}&x=1", f"unix://{ENCODED}@host/path", f"redis+sentinel://:{ENCODED}@host",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_read_is_not_shown(home: Path, debug_log: pytest.LogCaptureFixture, url: str) -> None:
    """A slip in the URL, an unencoded sign above all, is told without the part at fault."""
    configure(Settings(url=url, home=home, connect_timeout_s=0.3))
    with pytest.raises(NbqueueError) as caught:
        submit(len, "abc").wait(5)
    assert leaks(shown(caught.value), debug_log.text) == []


def test_settings_show_no_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their text nor a pickle of them, or of what holds them, has it."""
    url = f"redis://user:{ENCODED}@host:6380/2"
    monkeypatch.setenv("NBQUEUE_URL", url)
    settings, address = load_settings(), parse_url(url)
    things: list[Any] = [
        settings, replace(settings, home=home), address, WorkerConfig(address=address), session.Session(settings),
        configure(url=url), session.session(),
    ]  # fmt: skip
    assert address.password == CANARY
    for thing in things:
        assert leaks(repr(thing), str(thing), f"{thing}", [thing], {"key": thing}) == []
        for dump in (pickle.dumps, cloudpickle.dumps):
            with suppress(Exception):
                assert leaks(dump(thing)) == []
    for thing in (settings, address, WorkerConfig(address=address)):
        with pytest.raises(NotSendable):
            pickle.dumps(thing)
    with pytest.raises(NotSendable, match="cannot be sent"):
        submit(print, settings)
    shutdown()


def look_around() -> list[str]:
    """What code in a job sees of its surroundings."""
    own = [
        Path(f"/proc/self/{name}").read_bytes().decode(errors="replace") for name in ("environ", "cmdline", "status")
    ]
    return [*own, str(dict(os.environ)), str(sys.argv), repr(sys.modules.get("__main__"))]


def fail() -> None:
    """A traceback for the log."""
    raise ValueError("no")


def test_a_worker_shows_no_password(guarded: Server, port: int, home: Path, module_home: Path) -> None:
    """Of a worker that reads its URL from a .env file no process shows it: arguments, environments, logs, results."""
    del guarded
    url = f"redis://:{ENCODED}@127.0.0.1:{port}/0"
    Path(".env").touch(mode=0o600)
    Path(".env").write_text(f"NBQUEUE_URL={url}\n", encoding="utf-8")
    log = home / "worker.log"
    configure(Settings(url=url, home=module_home))
    command = [sys.executable, "-m", "nbqueue", "worker", "greetings", "--slots", "1"]
    environment = {
        **os.environ, "PYTHONPATH": f"{TASKS}{os.pathsep}{ROOT}", "NBQUEUE_KEY_FILE": str(module_home / "signing.key"),
    }  # fmt: skip
    with log.open("wb") as output:
        worker = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        seen: list[object] = [run(look_around).wait(20), run("greet", "you").wait(5)]
        failed = submit(fail).wait(5)
        with pytest.raises(NbqueueError) as caught:
            failed.wait(5)
        seen += [shown(caught.value), failed.logs().wait(5), failed.info().wait(5)]
        with redis.Redis(port=port, password=CANARY) as client:
            client.execute_command("ACL", "SETUSER", "default", "resetpass", ">another")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: "refused the password" in log.read_text(), 10)
        below = psutil.Process(worker.pid).children(recursive=True)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                seen += [process.cmdline(), process.environ()] if process.pid != os.getpid() else []
        assert len(below) >= 3
    finally:
        processes.kill({psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)})
        worker.wait(10)
        shutdown()
    assert leaks(*seen, log.read_text()) == []
