"""Results, messages and records that a stranger wrote for a waiting client: nothing of them is loaded or believed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nbqueue import TamperedPayload, attach, history, jobs, options, run, submit
from nbqueue.broker import codec
from nbqueue.broker.envelope import seal
from nbqueue.broker.signing import Keyring
from nbqueue.client.handle import Job
from nbqueue.errors import NbqueueError
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.attacks.store import Marks, Store, marking
from tests.waiting import until, wait_until

pytestmark = pytest.mark.usefixtures("client", "unharmed")

THEIRS = Keyring({"theirs": b"t" * 32})
Evil = Callable[[Path], object]


def result_header(job_id: str, **changes: object) -> dict[str, object]:
    """The header of a result as a worker of ours writes it."""
    return {
        "kind": "result", "ns": "", "id": job_id, "fn": "len", "fence": 1, "attempt": 1, "state": "succeeded",
        "codec": "pickle", **codec.header_versions(), "started_ms": 1, "finished_ms": 2, **changes,
    }  # fmt: skip


def forge_end(store: Store, job_id: str, blob: bytes, state: str = "succeeded") -> None:
    """Write an end as the script does, by plain commands."""
    store.client.set(store.keys.result(job_id), blob, ex=60)
    store.client.hset(store.keys.record(job_id), mapping={"state": state, "fence": "1", "finished": "2"})
    store.client.xadd(store.keys.events, {"kind": "changed", "jobs": f"{job_id} {state} 1", "count": "1"})


@pytest.fixture
def waiting() -> Job[int]:
    """A job that no worker takes."""
    return options(queue="nobody").submit(len, "abc").wait(5)


@pytest.mark.parametrize("kind", ["bare", "foreign", "job", "moved", "older", "elsewhere"])
def test_a_forged_result_is_refused_unread(
    waiting: Job[int], store: Store, module_settings: Settings, tmp_path: Path, kind: str
) -> None:
    """A pickle, a stranger's record, a job, another job's result, an older attempt's: the waiting client raises."""
    mark, job_id = tmp_path / "mark", waiting.id
    ours, payload = Keyring.load(module_settings.signing_key_file), codec.dump_value(Marks(mark))
    live = waiting.live()
    blob, reason = {
        "bare": (marking(mark), "bad shape"),
        "foreign": (seal(THEIRS, result_header(job_id), payload), "bad signature"),
        "job": (seal(ours, result_header(job_id, kind="job"), payload), "wrong kind"),
        "moved": (seal(ours, result_header("another"), payload), "wrong job"),
        "older": (seal(ours, result_header(job_id, fence=0), payload), "wrong fence"),
        "elsewhere": (seal(ours, result_header(job_id, ns="other"), payload), "wrong namespace"),
    }[kind]
    forge_end(store, job_id, blob)
    with pytest.raises(TamperedPayload) as caught:
        waiting.wait(5)
    assert caught.value.reason == reason
    wait_until(lambda: live.record.state is State.SUCCEEDED)
    live.close()
    assert not mark.exists()


def test_a_forged_error_is_refused_unread(waiting: Job[int], store: Store, tmp_path: Path) -> None:
    """What a stranger wrote as a job's error is neither loaded nor shown as the job's."""
    mark = tmp_path / "mark"
    header = result_header(waiting.id, state="failed", error={"type": "ValueError", "message": "no", "traceback": "no"})
    forge_end(store, waiting.id, seal(THEIRS, header, codec.dump_value(Marks(mark))), "failed")
    with pytest.raises(TamperedPayload):
        waiting.wait(5)
    assert not mark.exists()


async def test_forged_messages_are_dropped(
    waiting: Job[int], store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Progress and log lines of a stranger do not reach the live view; one warning is said for all of them."""
    mark = tmp_path / "mark"
    live = waiting.live()
    channel = store.keys.live(waiting.id)
    body = json.dumps({"progress": {"done": 666, "total": 999}, "log": "forged"}).encode()
    header = {"kind": "message", "ns": "", "id": waiting.id, "fence": 1}
    await until(lambda: store.client.pubsub_numsub(channel)[0][1] == 1)
    for blob in (marking(mark), body, seal(THEIRS, header, body), b"", b"\xff" * 1000):
        store.client.publish(channel, blob)
    await until(lambda: "A message was dropped" in caplog.text)
    assert (live.record.progress.done, live.log_tail) == (0, "")
    live.close()
    assert caplog.text.count("A message was dropped") == 1
    assert not mark.exists()


def test_garbage_in_the_stream_of_changes_stops_no_follower(store: Store) -> None:
    """Entries that no script of ours writes are passed over; a job that is followed meanwhile ends as it should."""
    job = options(delay=0.5).submit(len, "abc").wait(5)
    live, ended = job.live(), job.run()
    wait_until(lambda: live.record.submitted_at)
    for fields in (
        {"x": "y"}, {"kind": "changed"}, {"kind": "changed", "jobs": "one"},
        {"kind": "changed", "jobs": f"{job.id} moon 1"},
        {"kind": "changed", "jobs": f"{job.id} running many"}, {"kind": "moon", "jobs": job.id},
        {"kind": b"\xff", "jobs": b"\xff\xfe"}, {"kind": "changed", "jobs": f"a\nb\n\n{job.id} running"},
    ):  # fmt: skip
        store.client.xadd(store.keys.events, fields)
    assert ended.wait(10) == 3
    wait_until(lambda: live.record.state is State.SUCCEEDED)
    live.close()


def test_a_broken_record_does_not_hide_the_others(store: Store) -> None:
    """Records of a wrong type or with nonsense in their fields: a listing gives the others, asking for one says why."""
    good = options(queue="nobody").submit(len, "abc").wait(5)
    broken = [options(queue="nobody").submit(len, "abc").wait(5) for _ in range(4)]
    store.client.delete(store.keys.record(broken[0].id))
    store.client.set(store.keys.record(broken[0].id), "a string")
    store.client.hset(store.keys.record(broken[1].id), "state", "moon")
    store.client.hset(store.keys.record(broken[2].id), mapping={"progress": "[", "submitted": "x", "tags": "{"})
    store.client.hset(store.keys.record(broken[3].id), mapping={"fence": "x", "tries": "", "priority": b"\xff"})
    found = {job.id for job in jobs.recent(1000).wait(5)}
    assert good.id in found
    assert good.info().wait(5).state is State.QUEUED
    for each in broken:
        with pytest.raises(NbqueueError, match=each.id):
            each.info().wait(5)
    store.client.delete(store.keys.record(broken[0].id))


def test_forged_lines_of_the_history_are_plain_text(store: Store, tmp_path: Path) -> None:
    """A pickle and nonsense in the history: left out of the frame, and all other rows are there."""
    mark = tmp_path / "mark"
    job = submit(len, "abc").wait(5)
    assert job.wait(10) == 3
    for text in (marking(mark), b"[1]", b"{", b"\xff", b'"text"'):
        store.client.xadd(store.keys.history("default"), {"records": text})
    store.client.xadd(store.keys.history("default"), {"other": "x"})
    # the history is read up to what scripts wrote last
    later = submit(len, "abcd").wait(5)
    assert later.wait(10) == 4
    frame = history().wait(10)
    assert {job.id, later.id} <= set(frame["job"])
    assert not mark.exists()


def test_a_value_is_unpickled_only_when_it_is_asked_for(tmp_path: Path) -> None:
    """Handles, records, cards, listings and the history never load a result: its own owner does, by asking for it."""
    mark = tmp_path / "mark"
    job = submit(Marks, mark).wait(5)
    live = job.live()
    wait_until(lambda: live.record.state is State.SUCCEEDED)
    again = attach(job.id).wait(5)
    looked_at = [repr(job), str(job), repr(again), job.state().wait(5), job.info().wait(5), job.logs().wait(5)]
    looked_at += [repr(live.record), repr(jobs.recent().wait(5)), history().wait(10).to_string(), again == job]
    forgotten = again.run()
    wait_until(forgotten.done)
    del forgotten
    live.close()
    assert not mark.exists()
    assert len(looked_at) == 10
    assert job.wait(5) is None
    assert mark.exists()


def test_a_failed_jobs_error_is_unpickled_only_when_it_is_asked_for(tmp_path: Path) -> None:
    """Waiting for a failed job in the background loads nothing; raising its error does."""
    mark = tmp_path / "mark"

    def fail() -> None:
        error = ValueError("with a passenger")
        error.passenger = Marks(mark)  # type: ignore[attr-defined]
        raise error

    job = submit(fail).wait(5)
    unseen = job.run()
    wait_until(unseen.done)
    del unseen
    loaded_by_the_worker = mark.exists()
    mark.rmdir() if loaded_by_the_worker else None
    assert job.info().wait(5).error == "with a passenger"
    assert not mark.exists()
    with pytest.raises(NbqueueError, match="with a passenger"):
        job.wait(5)
    assert mark.exists()


def test_a_result_of_the_right_job_is_taken() -> None:
    """And all this while, jobs of ours give their values."""
    assert run(len, "abc").wait(10) == 3
