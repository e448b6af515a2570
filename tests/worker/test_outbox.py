"""Ends on their way to the server are held in memory, then on disk, and keep their order."""

import shutil
from pathlib import Path

import pytest

from nbqueue.broker.claims import Finish
from nbqueue.model.states import State
from nbqueue.worker import outbox
from nbqueue.worker.outbox import Leaving, Outbox


def _end(name: str, size: int) -> Leaving:
    return Leaving(Finish(job_id=name, fence=1, state=State.SUCCEEDED, result=name.encode() * size))


def test_ends_leave_in_the_order_they_came(tmp_path: Path) -> None:
    """What was put back goes first."""
    box = Outbox(tmp_path)
    for name in "abc":
        box.put(_end(name, 1))
    taken = box.take()
    box.put(_end("d", 1))
    box.put_back(taken)
    assert [leaving.finish.job_id for leaving in box.take()] == ["a", "b", "c", "d"]


def test_large_results_are_spilled_to_disk_and_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the memory it may hold, results wait in private files that are gone once they are taken."""
    monkeypatch.setattr(outbox, "HELD_BYTES", 100)
    box = Outbox(tmp_path / "spill")
    for name in "abc":
        box.put(_end(name, 60))
    [folder] = (tmp_path / "spill").iterdir()
    files = list(folder.iterdir())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(files) == 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert [leaving.finish.result for leaving in box.take()] == [b"a" * 60, b"b" * 60, b"c" * 60]
    assert list(folder.iterdir()) == []
    box.close()
    assert list((tmp_path / "spill").iterdir()) == []


def test_a_job_whose_result_is_gone_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody cleaned the temporary folder: it is logged, the job is given back, and others leave as ever."""
    monkeypatch.setattr(outbox, "HELD_BYTES", 100)
    box = Outbox(tmp_path)
    box.put(_end("a", 60))
    box.put(_end("b", 60))
    shutil.rmtree(next(tmp_path.iterdir()))
    box.put(_end("c", 60))
    taken = [leaving.finish for leaving in box.take()]
    assert [(end.job_id, end.state, len(end.result)) for end in taken] == [
        ("a", State.SUCCEEDED, 60),
        ("b", State.QUEUED, 0),
        ("c", State.SUCCEEDED, 60),
    ]
    assert (len(box), "The result of job 'b' is lost" in caplog.text) == (0, True)


def test_a_result_that_the_disk_refuses_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be made for it, an end is held all the same."""
    monkeypatch.setattr(outbox, "HELD_BYTES", 100)
    (tmp_path / "spill").write_text("no folder", encoding="ascii")
    box = Outbox(tmp_path / "spill")
    for name in "ab":
        box.put(_end(name, 60))
    assert [leaving.finish.result for leaving in box.take()] == [b"a" * 60, b"b" * 60]


def test_it_knows_what_it_holds(tmp_path: Path) -> None:
    """A job is held from put to take."""
    box = Outbox(tmp_path)
    box.put(_end("a", 1))
    assert box.holds("a")
    box.take()
    assert not box.holds("a")
