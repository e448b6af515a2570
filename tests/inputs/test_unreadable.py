"""Records that nobody can read: each ends failed with its reason, and all others run as if they were not there."""

import time

import pytest

from nbqueue import history, jobs, options, run, submit
from nbqueue.broker import codec
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.attacks.store import ENDED_S, Store
from tests.waiting import SLACK, wait_until

pytestmark = pytest.mark.usefixtures("client", "unharmed")

NONSENSE = {
    "empty": b"", "a byte": b"\0", "the magic": b"NBQ1", "half a line": b"NBQ1 abc ", "text": b"hello", "list": b"[]",
    "noise": bytes(range(256)) * 40, "newlines": b"\n" * 1000,
}  # fmt: skip
#: header fields of a signed record that no client of ours writes
SHAPES: dict[str, dict[str, object]] = {
    "options-text": {"opt": "timeout"}, "options-list": {"opt": [1]}, "timeout-text": {"opt": {"timeout": "long"}},
    "retry-number": {"opt": {"retry": 3}}, "retry-fields": {"opt": {"retry": {"max_tries": "x"}}},
    "place": {"opt": {"run_in": "moon"}}, "memory": {"opt": {"memory": "all"}}, "isolation": {"opt": {"isolation": 7}},
    "tags-number": {"tags": 5}, "tags-null": {"tags": None}, "function-list": {"fn": ["a"], "by": "name"},
    "function-number": {"fn": 7}, "label-dict": {"label": {"a": 1}}, "encoding": {"codec": "zip"}, "python": {"py": 3},
    "grace": {"opt": {"grace": None, "timeout": 1}}, "keep": {"opt": {"keep_result": "ever", "keep_error": "ever"}},
}  # fmt: skip


def test_cut_records_end_with_a_reason(store: Store) -> None:
    """A submission cut at every tenth of its length, and plain nonsense: failed within 2 s, each in the history."""
    whole_job = options(queue="nobody").submit(len, "abc").wait(5)
    whole = store.client.get(store.keys.submission(whole_job.id))
    blobs = {f"cut-{tenth}": whole[: len(whole) * tenth // 10] for tenth in range(10)}
    blobs |= {f"nonsense-{number}": blob for number, blob in enumerate(NONSENSE.values())}
    began = time.monotonic()
    for job_id, blob in blobs.items():
        store.put(job_id, blob)
    ends = {job_id: store.end_of(job_id) for job_id in blobs}
    assert time.monotonic() - began < ENDED_S * SLACK
    assert {(end["state"], end["error_type"]) for end in ends.values()} == {("failed", "TamperedPayload")}
    assert all(job_id in end["error"] for job_id, end in ends.items())
    assert [store.history(job_id) for job_id in blobs] == [[(1, "failed")]] * len(blobs)
    assert run(len, "abc").wait(10) == 3


def test_ids_without_a_record_end_with_a_reason(store: Store) -> None:
    """A ghost in the queue, and one whose record was removed while it waited."""
    job = options(delay=0.5).submit(len, "abc").wait(5)
    store.client.delete(store.keys.submission(job.id))
    store.put("ghost", None)
    for job_id in ("ghost", job.id):
        end = store.end_of(job_id)
        assert (end["state"], "has no submission in the store" in end["error"]) == ("failed", True)


@pytest.mark.parametrize("kind", ["submission", "record", "log", "in_progress", "result", "checkpoint"])
def test_a_key_of_a_wrong_type_costs_at_most_its_own_job(store: Store, kind: str) -> None:
    """Whichever of a job's keys is a list: the job ends, well or failed with a reason, and others run."""
    job = options(delay=0.3).submit(print, "abc").wait(5)
    key = getattr(store.keys, kind)(job.id)
    store.client.delete(key)
    store.client.lpush(key, "x") if kind != "log" else store.client.set(key, "x")
    end = store.end_of(job.id, 2 * ENDED_S)
    assert end["state"] == ("failed" if kind in {"submission", "record"} else "succeeded")
    assert run(len, "abc").wait(10) == 3


@pytest.mark.parametrize(
    "damage",
    [
        {"rank": "x"}, {"submitted": ""}, {"due": "nan"}, {"state": "moon"}, {"fence": "many"}, {"tries": "1e400"},
        {"expires": "soon"}, {"queue": "\xff"}, {"rank": "-1"}, {"submitted": "9" * 400}, {"group": b"\xff"},
        {"fence": "1e300"},
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_record_does_not_stop_its_queue(store: Store, damage: dict[str, str | bytes]) -> None:
    """Fields that no script of ours writes, in a job that waits: others run, and it waits for nobody."""
    job = options(delay=0.2).submit(len, "abc").wait(5)
    store.client.hset(store.keys.record(job.id), mapping=damage)
    assert run(len, "abc").wait(10) == 3
    wait_until(lambda: store.client.zscore(store.keys.queue("default"), job.id) is None, ENDED_S)
    assert run(len, "abcd").wait(10) == 4


def test_what_no_engine_wrote_does_not_end_the_care_for_leases(store: Store) -> None:
    """A lease that is no text, an engine's record and claims that nobody can read: all are reaped like dead engines."""
    client, keys = store.client, store.keys
    client.hset(keys.engine("nonsense"), mapping={"pid": "x", "functions": "{"})
    client.set(keys.claims("wrong"), "x")
    client.set(keys.engine("wrong"), "x")
    client.zadd(keys.leases, dict.fromkeys((b"\xff", b"nonsense", b"wrong"), 1))
    wait_until(lambda: client.zcount(keys.leases, 1, 1) == 0, 15)
    assert run(len, "abc").wait(10) == 3


@pytest.mark.parametrize("name", SHAPES)
def test_a_signed_record_of_another_shape_fails_alone(store: Store, module_settings: Settings, name: str) -> None:
    """A header that another version might write, or a slip in it: it runs or fails, and never stops the engine."""
    ours = Keyring.load(module_settings.signing_key_file)
    store.put_signed(ours, f"shape-{name}", codec.dump_call(len, ("abc",), {}), **SHAPES[name])
    end = store.end_of(f"shape-{name}", 3 * ENDED_S)
    assert end["state"] in {"failed", "succeeded"}
    assert run(len, "abc").wait(10) == 3


def test_the_history_and_listings_stay_readable(store: Store) -> None:
    """After all of that the frame has its rows, text in every cell, and the listings give the jobs that are sound."""
    good = submit(len, "abc").wait(5)
    assert good.wait(10) == 3
    store.put(b"\xff\xfe", b"x")
    store.put("cut-again", b"NBQ1")
    store.end_of(b"\xff\xfe")
    store.end_of("cut-again")
    frame = history().wait(10)
    states = dict(zip(frame["job"], frame["state"], strict=True))
    assert (states[good.id], states["cut-again"]) == ("succeeded", "failed")
    assert frame.to_csv().encode()
    assert frame.to_string().encode()
    assert State.SUCCEEDED in {record.state for record in jobs.recent(1000).wait(5).records}
    assert repr(jobs.recent(everywhere=True).wait(5)).encode()
