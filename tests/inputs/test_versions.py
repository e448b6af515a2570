"""Jobs for another Python, another cloudpickle or a function that is not here: they wait for who fits, or say so."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nbqueue import JobFailed, run, submit
from nbqueue.broker import codec
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from tests.attacks.store import ENDED_S, Marks, Store
from tests.waiting import SLACK, wait_until

pytestmark = pytest.mark.usefixtures("client", "unharmed")


@pytest.fixture
def ours(module_settings: Settings) -> Keyring:
    """The key of the module's client and worker."""
    return Keyring.load(module_settings.signing_key_file)


@contextmanager
def another_worker(store: Store, **offers: Any) -> Iterator[None]:
    """A worker that is announced, and takes nothing."""
    fields = {"python": codec.header_versions()["py"], "queues": json.dumps(["default"]), "functions": "[]", **offers}
    store.client.zadd(store.keys.leases, {"another": (time.time() + 600) * 1000})
    store.client.hset(store.keys.engine("another"), mapping=fields)
    store.client.pexpire(store.keys.engine("another"), 600_000)
    try:
        yield
    finally:
        store.client.zrem(store.keys.leases, "another")
        store.client.delete(store.keys.engine("another"))


@pytest.mark.parametrize(
    ("written_by", "said"), [({"py": "3.9"}, "Python 3.9"), ({"cp": "9.1.0"}, "cloudpickle 9.1.0")]
)
def test_another_version_is_named_and_nothing_is_loaded(
    store: Store, ours: Keyring, tmp_path: Path, written_by: dict[str, object], said: str
) -> None:
    """Known from the header: the job fails within 2 s with both versions and what to do, before any unpickling."""
    mark, job_id = tmp_path / "mark", f"other-{said[-1]}"
    store.put_signed(ours, job_id, codec.dump_call(print, (Marks(mark),), {}), **written_by)
    end = store.end_of(job_id)
    here = codec.header_versions()
    assert (end["state"], end["error_type"]) == ("failed", "WrongPython")
    assert said in end["error"]
    assert (
        f"here is Python {here['py']} with cloudpickle {here['cp']}: use the same Python minor version" in end["error"]
    )
    assert not mark.exists()
    assert run(len, "abc").wait(10) == 3


def test_a_job_waits_for_a_worker_of_its_version(store: Store, ours: Keyring) -> None:
    """As long as one is there it is left to it, uncharged; when that one is gone the job fails and says why."""
    with another_worker(store, python="3.9"):
        store.put_signed(ours, "for-the-other", codec.dump_call(len, ("abc",), {}), py="3.9")
        wait_until(lambda: int(store.record("for-the-other").get("fence", 0)) >= 2, 10)
        record = store.record("for-the-other")
        assert record["state"] in {"scheduled", "queued", "running"}
        assert record.get("tries", "0") == "0"
    assert store.end_of("for-the-other", 2 * ENDED_S)["error_type"] == "WrongPython"
    assert store.history("for-the-other")[-1][1] == "failed"


def test_an_unknown_function_is_named() -> None:
    """Within 2 s, with the command that would register it."""
    began = time.monotonic()
    with pytest.raises(JobFailed, match=r"No function 'no_such' is registered.*nbqueue worker MODULE") as caught:
        submit("no_such", 1).wait(5).wait(10)
    assert time.monotonic() - began < ENDED_S * SLACK
    assert caught.value.error_type == "UnknownFunction"


@pytest.mark.parametrize("by_hand", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["signed", "by hand"])
def test_a_function_of_another_worker_is_left_to_it(store: Store, *, by_hand: bool) -> None:
    """A name that another worker has registered waits for it; one that nobody has does not, however many there are."""
    with another_worker(store, functions='["theirs"]'):
        for name in ("theirs", "nobodys"):
            if by_hand:
                store.put(f"hand-{name}", json.dumps({"function": name}).encode())
        ids = {name: f"hand-{name}" if by_hand else submit(name).wait(5).id for name in ("theirs", "nobodys")}
        assert store.end_of(ids["nobodys"])["error_type"] == "UnknownFunction"
        wait_until(lambda: int(store.record(ids["theirs"]).get("fence", 0)) >= 2, 10)
        assert store.record(ids["theirs"])["state"] in {"scheduled", "queued", "running"}
    assert store.end_of(ids["theirs"], 2 * ENDED_S)["error_type"] == "UnknownFunction"


def test_the_code_that_runs_is_the_code_of_the_notebook() -> None:
    """A function that is written anew runs as it is now, on a worker that has run the old one."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for version in (1, 2):
        exec(f"def answer():\n    return {version}\n", namespace)
        assert run(namespace["answer"]).wait(10) == version
