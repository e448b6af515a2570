"""Jobs that nobody with our key has submitted here: none is unpickled or run, and all others go on."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

import nbqueue
from nbqueue import jobs, options, run, submit
from nbqueue.broker import codec
from nbqueue.broker.envelope import seal
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from tests.attacks.store import Marks, Store, job_header, marking
from tests.faults import bodies
from tests.workers import Ledger, Worker

pytestmark = pytest.mark.usefixtures("client", "unharmed")

THEIRS = Keyring({"theirs": b"t" * 32})


@pytest.fixture
def ours(module_settings: Settings) -> Keyring:
    """The key of the module's client and worker."""
    return Keyring.load(module_settings.signing_key_file)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger(tmp_path / "ledger")


def stored(store: Store, job_id: str) -> bytes:
    """The sealed submission of a job that waits."""
    found = store.client.get(store.keys.submission(job_id))
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("kind", ["bare", "arq", "foreign"])
def test_a_pickle_without_our_signature_is_never_loaded(
    worker: Worker, store: Store, tmp_path: Path, kind: str
) -> None:
    """A bare pickle, one in arq's own format and one signed by a stranger: refused unread, said once, others run."""
    mark = tmp_path / "mark"
    blob = {
        "bare": marking(mark),
        "arq": pickle.dumps({"t": None, "f": "greet", "a": (Marks(mark),), "k": {}, "et": 1}),
        "foreign": seal(THEIRS, job_header("foreign-job"), codec.dump_call(print, (Marks(mark),), {})),
    }[kind]
    store.put(f"{kind}-job", blob)
    assert run(len, "abc").wait(10) == 3
    end = store.end_of(f"{kind}-job")
    assert (end["state"], end["error_type"]) == ("failed", "TamperedPayload")
    reason = "does not begin as a signed record" if kind != "foreign" else "its signature (key id theirs) fits none"
    assert reason in end["error"]
    assert store.history(f"{kind}-job") == [(1, "failed")]
    assert worker.log.count(f"Job '{kind}-job' cannot run") == 1
    assert not mark.exists()


def test_a_flipped_byte_is_refused_wherever_it_is(store: Store, ours: Keyring, tmp_path: Path) -> None:
    """Of a valid record of 1 kB one byte is flipped: at 100 places, all copies end refused, and nothing is loaded."""
    mark = tmp_path / "mark"
    blob = seal(ours, job_header("flip-0"), codec.dump_call(print, (Marks(mark), "x" * 600), {}))
    places = range(0, len(blob), max(1, len(blob) // 100))
    for number, at in enumerate(places):
        store.put(f"flip-{number}", blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :])
    ends = [store.end_of(f"flip-{number}", 10) for number in range(len(places))]
    assert {(end["state"], end["error_type"]) for end in ends} == {("failed", "TamperedPayload")}
    assert not mark.exists()
    assert run(len, "abc").wait(10) == 3


def test_a_copy_under_another_id_is_refused(store: Store, ledger: Ledger) -> None:
    """A valid record that is put there again under a new id does not run again."""
    job = options(delay=600).submit(bodies.quick, str(ledger.path), "once").wait(5)
    store.put("copy-of-it", stored(store, job.id))
    end = store.end_of("copy-of-it")
    assert f"it was signed for job '{job.id}', not for 'copy-of-it'" in end["error"]
    assert ledger.lines() == []
    assert job.cancel().wait(5) == "cancelled"


def test_the_same_record_does_not_run_again(store: Store, ledger: Ledger) -> None:
    """A record that is put back under its own id after the job has ended is dropped, its record gone or not."""
    job = options(job_id="replayed", delay=0.5).submit(bodies.quick, str(ledger.path), "once").wait(5)
    blob = stored(store, job.id)
    assert job.wait(10) == "once"
    store.put(job.id, blob)
    assert run(len, "abc").wait(10) == 3
    assert store.client.exists(store.keys.submission(job.id)) == 0
    store.client.delete(store.keys.record(job.id), store.keys.result(job.id))
    store.put(job.id, blob)
    end = store.end_of(job.id)
    assert (end["state"], end["error_type"]) == ("failed", "TamperedPayload")
    assert "was never submitted" in end["error"]
    assert len(ledger.lines()) == 1


def test_a_record_runs_only_where_it_belongs(worker: Worker, store: Store, ours: Keyring, tmp_path: Path) -> None:
    """A job of another namespace, a result and a message as jobs: each is refused with its own reason in the log."""
    mark = tmp_path / "mark"
    payload = codec.dump_call(print, (Marks(mark),), {})
    store.put("from-elsewhere", seal(ours, job_header("from-elsewhere", ns="other"), payload))
    store.put("a-result", seal(ours, job_header("a-result", kind="result", fence=1, state="succeeded"), payload))
    store.put("a-message", seal(ours, job_header("a-message", kind="message", fence=1), payload))
    reasons = {
        "from-elsewhere": "it was signed for namespace 'other', not for ''",
        "a-result": "it was signed for kind 'result', not for 'job'",
        "a-message": "it was signed for kind 'message', not for 'job'",
    }
    for job_id, reason in reasons.items():
        assert reason in store.end_of(job_id)["error"]
        assert reason in worker.log
    assert not mark.exists()


def test_a_record_in_another_queue_is_refused(store: Store, ledger: Ledger) -> None:
    """A job of a queue nobody serves goes on waiting when its id is put into another one, and is refused if moved."""
    job = options(queue="nobody").submit(bodies.quick, str(ledger.path), "moved").wait(5)
    store.put(job.id, None)
    assert run(len, "abc").wait(10) == 3
    assert store.record(job.id)["state"] == "queued"
    assert store.client.zscore(store.keys.queue("default"), job.id) is None
    store.client.hset(store.keys.record(job.id), "queue", "default")
    store.put(job.id, None)
    assert "it was signed for queue 'nobody', not for 'default'" in store.end_of(job.id)["error"]
    assert ledger.lines() == []


def test_a_thousand_forgeries_do_not_hold_up_a_job(store: Store, tmp_path: Path, unharmed: Callable[[], bool]) -> None:
    """A queue full of them costs others no more than a moment."""
    mark = tmp_path / "mark"
    blob = marking(mark)
    pipe = store.client.pipeline(transaction=False)
    for number in range(1000):
        pipe.set(store.keys.submission(f"flood-{number}"), blob)
        pipe.zadd(store.keys.queue("default"), {f"flood-{number}": 1})
    pipe.execute()
    assert submit(len, "abc").wait(5).wait(10) == 3
    assert store.end_of("flood-999", 10)["state"] == "failed"
    assert not mark.exists()
    assert unharmed()


def test_a_job_whose_record_was_spoiled_is_found_by_its_marks(store: Store) -> None:
    """Nothing of the spoiled record is believed; its tags and label are those that were known of the job."""
    job = options(delay=600, tags=["spoiled"], label="mine").submit(len, "abc").wait(5)
    # before a worker may take it
    store.client.hset(store.keys.record(job.id), "state", "queued")
    store.put(job.id, b"NBQ1 nonsense")
    assert store.end_of(job.id)["error_type"] == "TamperedPayload"
    assert [each.id for each in jobs.where(tag="spoiled").wait(5)] == [job.id]
    [row] = nbqueue.history(tag="spoiled").wait(30).to_dict("records")
    assert (row["job"], row["label"], row["error_type"]) == (job.id, "mine", "TamperedPayload")
