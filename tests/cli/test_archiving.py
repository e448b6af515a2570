"""`nbqueue history archive` and `nbqueue worker --archive`: attempts move from the server into files, none is lost."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from nbqueue.analysis import archive
from nbqueue.broker.keys import Keys
from nbqueue.cli import archiving
from nbqueue.model.settings import Settings
from tests.analysis.histories import record, write
from tests.cli.commands import run, running
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

KEYS = Keys()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the archive is to be."""
    return tmp_path / "archive"


def _fill(server: Server, count: int, **changes: Any) -> list[str]:
    """An old history as the scripts write it: entries that say how many attempts there were."""
    queue = changes.get("queue", "default")
    jobs = [f"{queue}-{number}" for number in range(count)]
    write(server, [record(job=job, **changes) for job in jobs])
    with server.client() as client:
        found: Any = client.xrange(KEYS.history(queue))
        client.delete(KEYS.history(queue))
        for to, (entry, fields) in enumerate(found, start=1):
            client.xadd(KEYS.history(queue), {**fields, "to": to}, id=entry)
        client.hset(KEYS.histories, f"q:{queue}", count)
    return jobs


def _keep(server: Server, queue: str, attempts: int) -> None:
    assert run("retention", queue, "--attempts", str(attempts), "--url", server.url).exit_code == 0


def _left(server: Server, queue: str = "default") -> int:
    with server.client() as client:
        return int(client.xlen(KEYS.history(queue)))


def test_what_is_over_moves_and_is_read_with_the_rest(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All queues, many files: both together are what was there, each attempt once; a second time moves nothing."""
    monkeypatch.setattr(archiving, "ATTEMPTS", 20)
    jobs = _fill(server, 50) + _fill(server, 9, queue="night")
    _keep(server, "default", 10)
    _keep(server, "night", 0)
    moved = run("history", "archive", str(folder), "--url", server.url)
    assert (moved.exit_code, moved.stderr) == (0, f"49 attempts moved to 3 files in {folder}\n")
    assert (_left(server), _left(server, "night")) == (10, 0)
    assert len(archive.read(folder)) == 49
    found = run("history", "--archive", str(folder), "--json", "--url", server.url)
    assert sorted(item["job"] for item in json.loads(found.stdout)) == sorted(jobs)
    again = run("history", "archive", str(folder), "--url", server.url)
    assert again.stderr == f"0 attempts moved to 0 files in {folder}\n"


def test_what_others_have_to_do_with_stays(server: Server, folder: Path) -> None:
    """A job whose result is kept, in the midst of others that go."""
    _fill(server, 40)
    with server.client() as client:
        client.hset(KEYS.record("default-13"), mapping={"state": "succeeded", "finished": 1})
        client.pexpire(KEYS.record("default-13"), 60_000)
        client.set(KEYS.result("default-13"), "x", px=60_000)
    _keep(server, "default", 0)
    moved = run("history", "archive", str(folder), "--url", server.url)
    assert moved.stderr.startswith("39 attempts moved to 1 files")
    assert _left(server) == 1


def test_older_than_moves_more_and_never_keeps_more(server: Server, folder: Path) -> None:
    """It does not lengthen a retention; within the last hour nothing goes."""
    _fill(server, 3)
    assert run("history", "archive", str(folder), "--older-than", "1000d", "--url", server.url).exit_code == 0
    assert _left(server) == 3
    moved = run("history", "archive", str(folder), "--older-than", "1h", "--url", server.url)
    assert moved.stderr.startswith("3 attempts moved")
    refused = run("history", "archive", str(folder), "--older-than", "5min", "--url", server.url)
    assert (refused.exit_code, "give at least 3600 s" in refused.stderr) == (2, True)


def test_a_crash_between_file_and_forgetting_loses_and_doubles_nothing(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next time writes the files again, and each attempt is read once."""
    _fill(server, 30)
    _keep(server, "default", 5)

    async def crash(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archiving, "_forget", crash)
        assert run("history", "archive", str(folder), "--url", server.url).exit_code == 130
    assert (_left(server), len(archive.read(folder))) == (30, 25)
    assert run("history", "archive", str(folder), "--url", server.url).exit_code == 0
    assert (_left(server), len(archive.read(folder))) == (5, 25)


def test_workers_leave_the_history_to_who_archives_it(server: Server, folder: Path) -> None:
    """From the first time on."""
    run("history", "archive", str(folder), "--url", server.url)
    with server.client() as client:
        assert client.pttl(KEYS.archive) == pytest.approx(2 * 86_400_000, abs=60_000)


def test_a_worker_archives_beside_its_jobs(server: Server, settings: Settings, folder: Path) -> None:
    """With --archive; the process that does it ends with the worker, also with one that is killed."""
    _fill(server, 12)
    _keep(server, "default", 2)
    with running_worker(settings, "--archive", str(folder)) as worker:
        wait_until(lambda: _left(server) == 2, 30)
        [beside] = [each for each in worker.family() if "archive" in each.cmdline() and "history" in each.cmdline()]
        worker.process.kill()
        wait_until(lambda: not beside.is_running(), 20)
    assert len(archive.read(folder)) == 10


def test_it_goes_on_until_it_is_told_to_end(server: Server, folder: Path) -> None:
    """--every does it again and again."""
    with running("history", "archive", str(folder), "--every", "1s", "--url", server.url) as process:
        wait_until(lambda: _claimed(server), 20)
        _fill(server, 4)
        _keep(server, "default", 1)
        assert process.stdout is not None
        assert process.stdout.readline() == f"3 attempts moved to 1 files in {folder}\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert (said, _left(server)) == ("nbqueue: interrupted\n", 1)


def _claimed(server: Server) -> bool:
    with server.client() as client:
        return bool(client.exists(KEYS.archive))


def test_an_option_on_the_wrong_side_is_refused(server: Server, folder: Path) -> None:
    """What would be left out in silence is said."""
    found = run("history", "--url", server.url, "archive", str(folder))
    sentence = "nbqueue: Options of `nbqueue history archive` stand behind that word: archive DIR --option.\n"
    assert (found.exit_code, found.stderr) == (2, sentence)
