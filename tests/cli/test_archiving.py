"""`nbqueue history archive` and `nbqueue worker --archive`: attempts move from the server into files, none is lost."""

import json
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbqueue.analysis import archive
from nbqueue.broker.keys import Keys
from nbqueue.cli import archiving, reach
from nbqueue.model.settings import Settings
from tests.analysis.histories import record, write
from tests.cli.commands import run, running, shell
from tests.servers import Server, running_server
from tests.waiting import wait_until
from tests.workers import Worker, lives, running_worker, start_worker, wait_gone

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
        [beside] = _archivers(worker)
        worker.process.kill()
        wait_until(lambda: not beside.is_running(), 20)
    assert len(archive.read(folder)) == 10


def test_the_process_beside_a_worker_is_started_again(server: Server, settings: Settings, folder: Path) -> None:
    """Whatever ended it; the worker's log has a line of it, and it ends with the worker in good order."""
    with running_worker(settings, "--archive", str(folder)) as worker:
        [beside] = wait_until(lambda: _archivers(worker), 20)
        beside.kill()
        [other] = wait_until(lambda: [each for each in _archivers(worker) if each.pid != beside.pid], 20)
        assert worker.log.count(f"WARNING nbqueue.worker: Archiving to {folder} ended with signal 9; it starts") == 1
        _fill(server, 3)
        _keep(server, "default", 1)
        beside = other
        beside.kill()
        wait_until(lambda: _left(server) == 1, 30)
        [beside] = _archivers(worker)
        worker.signal(signal.SIGTERM)
        assert worker.exit_code(30) == 0
        wait_gone([beside], 1)
    assert worker.log.count("Archiving to") == 2


@pytest.mark.slow
def test_a_worker_whose_server_comes_later_archives_too(home: Path, folder: Path) -> None:
    """It starts all the same, and forgets nothing before it is archived."""
    with running_server() as server:
        _fill(server, 8)
        _keep(server, "default", 2)
        frozen = psutil.Process(server.process.pid)
        frozen.suspend()
        worker = start_worker(Settings(url=server.url, home=home), "--archive", str(folder))
        try:
            wait_until(lambda: "Nothing is archived, and it is tried again" in worker.log, 40)
            frozen.resume()
            wait_until(worker.engines, 30)
            with server.client() as client:
                wait_until(lambda: client.exists(KEYS.pruner), 30)
            wait_until(lambda: _left(server) == 2, 60)
            assert len(archive.read(folder)) == 6
        finally:
            frozen.resume()
            worker.kill()


def _archivers(worker: Worker) -> list[psutil.Process]:
    return [each for each in worker.family() if lives(each) and {"history", "archive"} <= set(each.cmdline())]


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


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_not_there_is_waited_for(server: Server, home: Path, folder: Path) -> None:
    """A line says so, and once it is there its history is archived."""
    _fill(server, 4)
    _keep(server, "default", 1)
    place = home / "socket"
    with running("history", "archive", str(folder), "--every", "1s", "--url", f"unix://{place}") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("nbqueue: Nothing is archived, and it is tried again until it")
        place.symlink_to(server.path)
        assert process.stdout.readline() == f"3 attempts moved to 1 files in {folder}\n"


def test_a_folder_that_cannot_be_written_is_tried_again(server: Server, tmp_path: Path) -> None:
    """It is said once, and again when it happens after it worked; only what worked counts as archived."""
    obstacle = tmp_path / "obstacle"
    obstacle.touch()
    folder = obstacle / "archive"
    _fill(server, 4)
    _keep(server, "default", 1)
    with running("history", "archive", str(folder), "--every", "1s", "--url", server.url) as process:
        assert process.stdout is not None
        assert "cannot be made: Not a directory" in process.stdout.readline()
        for _ in range(2):
            wait_until(lambda: _claimed_again(server), 20)
        assert f"history  archived to {folder}, not once so far\n" in run("status", "--url", server.url).stdout
        obstacle.unlink()
        assert process.stdout.readline() == f"3 attempts moved to 1 files in {folder}\n"
        wait_until(lambda: "UTC" in run("status", "--url", server.url).stdout, 20)
        obstacle.rename(tmp_path / "moved")
        obstacle.touch()
        _keep(server, "night", 1)
        _fill(server, 4, queue="night")
        assert "cannot be made: Not a directory" in process.stdout.readline()


def test_wrong_usage_ends_it_at_once(server: Server, folder: Path, tmp_path: Path) -> None:
    """No waiting mends that."""
    (tmp_path / "file").touch()
    for where, url in ((folder, "http://x"), (folder, f"{server.url}?db=99"), (tmp_path / "file", server.url)):
        assert shell("history", "archive", str(where), "--every", "1s", "--url", url).returncode == 2


def test_an_interrupt_before_anything_began_is_quiet(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """Nothing is said of work that was not awaited."""

    async def work() -> None:
        """Never begins."""

    monkeypatch.setattr("asyncio.events.new_event_loop", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        reach.complete(work())
    assert [str(each.message) for each in recwarn] == []


def test_when_it_was_archived_last_is_shown(server: Server, folder: Path) -> None:
    """By status and doctor, to which over a day without is wrong."""
    assert "history" not in run("doctor", "--url", server.url).stdout
    run("history", "archive", str(folder), "--url", server.url)
    found = json.loads(run("status", "--json", "--url", server.url).stdout)["overview"]["archive"]
    last = datetime.fromisoformat(found["last_at"])
    sentence = f"archived to {folder}, last at {last:%Y-%m-%d %H:%M:%S} UTC"
    assert f"history  {sentence}\n" in run("status", "--url", server.url).stdout
    assert _doctor(server) == {"what": "history", "mark": "ok", "said": sentence}
    with server.client() as client:
        value: Any = json.loads(client.get(KEYS.archive) or b"")
        value["last"] -= 26 * 3_600_000
        client.set(KEYS.archive, json.dumps(value), keepttl=True)
        found = _doctor(server)
        assert (found["mark"], "UTC; over a day without" in found["said"]) == ("wrong", True)
        client.set(KEYS.archive, b"\xff", keepttl=True)
    assert run("status", "--url", server.url).exit_code == 0


def _doctor(server: Server) -> dict[str, str]:
    found: dict[str, str] = json.loads(run("doctor", "--json", "--url", server.url).stdout)[-1]
    return found


def _claimed(server: Server) -> bool:
    with server.client() as client:
        return bool(client.exists(KEYS.archive))


def _claimed_again(server: Server) -> bool:
    """Whether it was so since this was asked last."""
    with server.client() as client:
        is_new = int(client.pttl(KEYS.archive)) > 86_400_000
        client.pexpire(KEYS.archive, 86_400_000)
    return is_new


def test_an_option_on_the_wrong_side_is_refused(server: Server, folder: Path) -> None:
    """What would be left out in silence is said."""
    found = run("history", "--url", server.url, "archive", str(folder))
    sentence = "nbqueue: Options of `nbqueue history archive` stand behind that word: archive DIR --option.\n"
    assert (found.exit_code, found.stderr) == (2, sentence)
