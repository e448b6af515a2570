"""Results that a stranger put in the way of a job that takes them, and calls that take what they were not given."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from nbqueue import JobFailed, TamperedPayload, options, run, submit, submit_map
from nbqueue.broker import codec
from nbqueue.broker.envelope import seal
from nbqueue.broker.inputs import take
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from tests.attacks.conftest import TASKS
from tests.attacks.store import Marks, Store, marking
from tests.attacks.test_forged_results import THEIRS, result_header
from tests.workers import running_worker

pytestmark = pytest.mark.usefixtures("client", "unharmed", "worker")


class Takes:
    """Is pickled as what stands for a result, whether the header says so or not."""

    def __init__(self, wanted: object) -> None:
        self._wanted = wanted

    def __reduce__(self) -> tuple[Any, ...]:
        return take, (self._wanted,)


@pytest.fixture
def ours(module_settings: Settings) -> Keyring:
    """The key of the module's client and worker."""
    return Keyring.load(module_settings.signing_key_file)


def put_result(store: Store, job_id: str, blob: bytes) -> None:
    """Put a result in the place of a job's own."""
    store.client.set(store.keys.result(job_id), blob, px=60_000)


@pytest.mark.parametrize("function", [len, "greet", "greet_async"], ids=str)
@pytest.mark.parametrize("kind", ["bare", "foreign", "job", "moved", "elsewhere", "large"])
def test_a_forged_result_is_not_taken(store: Store, ours: Keyring, tmp_path: Path, kind: str, function: Any) -> None:
    """A pickle, a stranger's record, a job, another job's result or another namespace's: the job fails, unread."""
    mark = tmp_path / "mark"
    parent = submit(abs, -1).wait(5)
    assert parent.wait(10) == 1
    payload = codec.dump_value(Marks(mark))
    blob, why = {
        "bare": (marking(mark), "does not begin as a signed record does"),
        "foreign": (seal(THEIRS, result_header(parent.id), payload), "fits none of our keys"),
        "job": (seal(ours, result_header(parent.id, kind="job"), payload), "signed for kind 'job'"),
        "moved": (seal(ours, result_header("another"), payload), "signed for id 'another'"),
        "elsewhere": (seal(ours, result_header(parent.id, ns="other"), payload), "signed for ns 'other'"),
        "large": (seal(THEIRS, result_header(parent.id), payload + bytes(2_000_000)), "fits none of our keys"),
    }[kind]
    put_result(store, parent.id, blob)
    with pytest.raises(JobFailed, match=f"TamperedPayload: The record of job '{parent.id}' was refused") as caught:
        run(function, parent).wait(10)
    assert isinstance(caught.value.__cause__, TamperedPayload)
    assert why.replace("id 'another'", "job 'another'").replace("ns 'other'", "namespace 'other'") in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("function", ["len", "greet", "greet_async"])
def test_a_call_takes_only_what_its_header_names(store: Store, ours: Keyring, function: str) -> None:
    """A stand-in that `submit` did not collect gets nothing, though the result lies there."""
    parent, other = submit(abs, -1).wait(5), submit(abs, -2).wait(5)
    assert (parent.wait(10), other.wait(10)) == (1, 2)
    by_name: dict[str, object] = {"by": "name", "fn": function} if function != "len" else {}
    payload = codec.dump_call(function if by_name else len, (Takes(other.id),), {})
    for number, named in enumerate(({}, {"inputs": [parent.id]})):
        job_id = f"unnamed-{function}-{number}"
        store.put_signed(ours, job_id, payload, **by_name, **named)
        end = store.end_of(job_id)
        assert (end["state"], end["error_type"]) == ("failed", "NotSendable")
        assert f"It takes the result of job '{other.id}'" in end["error"]


@pytest.mark.parametrize("inputs", ["a", [3], [["a"]], ["no id!"], ["odd-2"], {"a": 1}, ["a\x00b"], [None], None, 7])
def test_a_header_that_names_no_jobs_is_refused(store: Store, ours: Keyring, inputs: object) -> None:
    """Whatever a key holder of another version wrote there ends the job, and costs the worker nothing."""
    payload = codec.dump_call(len, ("abc",), {})
    job_id = "odd-2"
    store.client.delete(store.keys.record(job_id))
    store.put_signed(ours, job_id, payload, inputs=inputs)
    end = store.end_of(job_id)
    assert end["state"] == "failed"
    assert end["error_type"] in {"TamperedPayload", "ConfigurationError"}


def test_a_result_cannot_take_another(store: Store, ours: Keyring) -> None:
    """What a job returned is loaded as a value: what stands for a result in it is refused."""
    parent = submit(abs, -1).wait(5)
    assert parent.wait(10) == 1
    put_result(store, parent.id, seal(ours, result_header(parent.id), pickle.dumps(Takes(parent.id))))
    with pytest.raises(JobFailed, match="which only the call of a job can do"):
        run(str, parent).wait(10)


@pytest.mark.parametrize("function", ["greet", "greet_async"])
def test_registered_functions_take_results(function: str) -> None:
    """In a child and in the engine's own loop, of whatever size."""
    small, large = submit(str.upper, "ann").wait(5), submit("large_async", 1_500_000).wait(5)
    assert run(function, small).wait(10) == "hello ANN"
    assert len(run(function, large).wait(20)) > 1_500_000


@pytest.mark.parametrize("function", ["greet", "greet_async"])
def test_with_plain_data_only(
    module_settings: Settings, store: Store, ours: Keyring, tmp_path: Path, function: str
) -> None:
    """A worker that runs registered functions only takes results that are plain data, and loads no others."""
    parent, mark = submit(str.upper, "ann").wait(5), tmp_path / "mark"
    assert parent.wait(10) == "ANN"
    queue = f"plain-{function.replace('_', '-')}"
    queued = options(queue=queue)
    with running_worker(module_settings, "greetings", "--only-registered", "--queues", queue, modules=[TASKS]):
        assert queued.run(function, parent).wait(10) == "hello ANN"
        assert queued.run(function, submit_map(abs, []).wait(5)).wait(10) == "hello []"
        put_result(store, parent.id, seal(ours, result_header(parent.id), codec.dump_value(Marks(mark))))
        with pytest.raises(JobFailed, match="cannot be taken: The value holds posix") as caught:
            queued.run(function, parent).wait(10)
    assert caught.value.error_type == "NotSendable"
    assert not mark.exists()
