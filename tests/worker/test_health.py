"""What a worker says of itself over HTTP, and what `--check` does."""

import asyncio
import json
import signal
import socket
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from nbqueue import submit
from nbqueue.broker import roles
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings
from nbqueue.worker import health
from nbqueue.worker.health import Health, address
from tests.cli.commands import run
from tests.faults import bodies
from tests.servers import Server, running_server
from tests.waiting import wait_until
from tests.workers import Ledger, Worker, running_worker, start_worker

UP = Health(stopping=False, connected=True, wanted=1, engines=1, busy=(3, 1), slots=(200, 2), restarts=4)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _ready(port: int) -> Any:
    status, text = _get(port, "/ready")
    found = json.loads(text)
    return status, found["ready"], found["why"]


def test_a_worker_says_when_it_takes_jobs(home: Path) -> None:
    """Not while the server is away, nor when it drains; it lives all the while. Nothing else is answered."""
    port = _free_port()
    with running_server() as server:
        settings = Settings(url=server.url, home=home)
        with running_worker(settings, "--slots", "1", "--health", f"127.0.0.1:{port}") as worker:
            wait_until(lambda: _ready(port) == (200, True, ""), 10)
            status, text = _get(port, "/metrics")
            assert (status, "nbqueue_worker_ready 1\n" in text) == (200, True)
            assert [_get(port, path)[0] for path in ("/live", "/", "/live/x", "/ready?x=1")] == [200, 404, 404, 200]
            assert [_get(port, "/ready", method)[0] for method in ("HEAD", "POST", "DELETE")] == [200, 405, 405]
            _sends_nonsense(port)
            server.process.kill()
            wait_until(lambda: _ready(port) == (503, False, "the server does not answer it"), 2)
            assert _get(port, "/live") == (200, '{"live": true}\n')
            assert worker.process.poll() is None


def test_who_may_not_is_told_at_once(server: Server, home: Path) -> None:
    """A worker whose user may only submit ends with exit code 2, and names the command that prints its rights."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "half", "reset", "on", ">secret-of-half", *roles.rights("client", ""))
    try:
        url = server.url.replace("unix://", "unix://half:secret-of-half@")
        worker = start_worker(Settings(url=url, home=home), "--slots", "1")
        assert worker.process.wait(30) == 2
        assert "`nbqueue acl --role worker` prints the rights of a user who may." in worker.log
    finally:
        with server.client() as client:
            client.execute_command("ACL", "DELUSER", "half")


def test_what_is_told_of_slots_and_refusals() -> None:
    """Slots are those of all engines that serve; a server that refuses is not one that keeps silent."""
    assert replace(UP, engines=3).all_slots == (600, 6)
    refused = replace(UP, connected=False, refusal="its password is wrong.")
    assert refused.why_not_ready == "the server refuses it: its password is wrong."


def _sends_nonsense(port: int) -> None:
    """What is no request gets an answer or none; whoever asks next is answered."""
    for nonsense in (b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\x00\r\n\r\n", b"GET /live HTTP/1.1\r\n" + b"x" * 20_000):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(nonsense)
            answer = connection.recv(1000)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer
    assert _get(port, "/live")[0] == 200


async def test_who_only_connects_keeps_nobody_from_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    """However many are silent, who asks is answered; at the end they are left without a word on the terminal."""
    port = _free_port()
    async with health.listening(f"127.0.0.1:{port}", lambda: UP):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * health.MOST_AT_ONCE + 3)]
        for _ in range(4):
            assert await asyncio.to_thread(_get, port, "/live") == (200, '{"live": true}\n')
    for reader, writer in silent:
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("fields", "why"),
    [({}, ""), ({"stopping": True}, "it was told to end"), ({"engines": 0}, "no engine of it serves yet"),
     ({"connected": False}, "the server does not answer it")],
)  # fmt: skip
def test_why_a_worker_takes_no_jobs(fields: dict[str, Any], why: str) -> None:
    """One reason, the first that holds."""
    found = Health(**{**{name: getattr(UP, name) for name in Health.__dataclass_fields__}, **fields})
    assert found.why_not_ready == why


def test_what_prometheus_reads() -> None:
    """Each number with its kind."""
    lines = [line for line in health.metrics(UP).splitlines() if not line.startswith("#")]
    assert lines == [
        "nbqueue_worker_ready 1", "nbqueue_worker_engines 1", "nbqueue_worker_engines_wanted 1",
        "nbqueue_worker_engine_restarts_total 4", 'nbqueue_worker_slots{lane="async"} 200',
        'nbqueue_worker_slots{lane="process"} 2', 'nbqueue_worker_busy{lane="async"} 3',
        'nbqueue_worker_busy{lane="process"} 1',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:8090", ("127.0.0.1", 8090)), ("[::1]:1", ("::1", 1)), (":80", ("127.0.0.1", 80)),
     ("9000", ("127.0.0.1", 9000))],
)  # fmt: skip
def test_an_address_is_read(text: str, found: tuple[str, int]) -> None:
    """A port alone is of this machine, not of all its networks."""
    assert address(text) == found


@pytest.mark.parametrize("text", ["host", "host:", "host:0", "host:70000", "host:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """One sentence."""
    with pytest.raises(ConfigurationError, match=r"^--health '.*' cannot be used: give HOST:PORT"):
        address(text)


def test_an_address_that_is_taken_ends_the_worker(server: Server) -> None:
    """With one sentence and exit code 2, before it takes a job."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        found = run("worker", "--url", server.url, "--health", place)
    assert found.exit_code == 2


@pytest.fixture
def worker(settings: Settings) -> Any:
    """A worker that serves two queues."""
    with running_worker(settings, "--slots", "1", "--queues", "a,b") as worker:
        yield worker


def test_a_check_finds_the_worker_of_this_machine(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the server has it, for the queues that are named; a worker of another machine does not count."""
    at = ("worker", "--check", "--url", str(worker.settings.url))
    found = run(*at)
    said = "A worker of this machine serves a,b: 1 engine, 0 jobs running.\n"
    assert (found.exit_code, found.stdout) == (0, said)
    assert run(*at, "--queues", "b").exit_code == 0
    found = run(*at, "--queues", "b,c")
    assert (found.exit_code, found.stderr.startswith("nbqueue: No worker of this machine serves b,c")) == (3, True)
    found = run(*at, "--json")
    assert (json.loads(found.stdout)["serving"], found.exit_code) == (True, 0)
    assert [each["id"] for each in json.loads(found.stdout)["engines"]] == worker.engine_ids()
    monkeypatch.setattr("nbqueue.cli.worker_check.machine_id", lambda: "another")
    assert run(*at).exit_code == 3


def test_a_check_says_that_a_worker_was_told_to_end(settings: Settings, tmp_path: Path) -> None:
    """While it finishes what runs it serves nobody, as /ready has it; its slots are none that a job waits for."""
    configure(settings)
    ledger, gate = Ledger(tmp_path / "ledger"), tmp_path / "gate"
    with running_worker(settings, "--slots", "1") as worker:
        at = ("--url", str(worker.settings.url))
        job = submit(bodies.until_told, str(ledger.path), "long", str(gate)).wait(5)
        ledger.wait("begin")
        worker.signal(signal.SIGTERM)
        wait_until(lambda: run("worker", "--check", *at).exit_code == 3, 5)
        said = "nbqueue: The worker of this machine was told to end: it takes no more jobs, and finishes 1 job.\n"
        assert run("worker", "--check", *at).stderr == said
        found = json.loads(run("worker", "--check", "--json", *at).stdout)
        assert (found["serving"], [each["draining"] for each in found["engines"]]) == (False, [True])
        assert "1 of 1 slots, draining" in run("status", *at).stdout
        later = submit(bodies.quick, str(ledger.path), "later").wait(5)
        assert "slots busy" not in run("jobs", later.id, *at).stdout
        gate.touch()
        assert job.wait(10) == "long"
        assert worker.exit_code(20) == 0
    shutdown()


def test_a_check_changes_nothing(server: Server, home: Path) -> None:
    """It starts nothing, makes no key and writes nothing to the server; where no stack runs it says so."""
    before = server.client().dbsize()
    assert run("worker", "--check", "--url", server.url).exit_code == 3
    assert (server.client().dbsize(), list(home.iterdir())) == (before, [])
    found = run("worker", "--check")
    assert (found.exit_code, "No local stack runs" in found.stderr) == (1, True)
    assert list(home.iterdir()) == []
