"""A worker that runs registered functions only: who holds the key can call them, and run no code of their own."""

import json
import pickle
from collections import OrderedDict, deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nbqueue import JobFailed, options, run, submit
from nbqueue.broker import codec, plain_pickle
from nbqueue.broker.envelope import seal
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from tests.attacks.conftest import TASKS
from tests.attacks.store import ENDED_S, Marks, Store
from tests.cli.commands import shell
from tests.waiting import wait_until
from tests.workers import Worker, running_worker

pytestmark = pytest.mark.usefixtures("client", "unharmed")

FUNCTIONS = ("greet", "greet_async")
PLAIN = [
    None, True, -(10**30), 1.5, 2j, "text", b"bytes", bytearray(b"more"), [1, (2, {3: {4}})], frozenset({5}), range(6),
    slice(1, 2), deque([7]), OrderedDict(a=8), Decimal("9.5"), date(2024, 2, 29), datetime(2024, 2, 29, tzinfo=UTC),
    timedelta(hours=1),
]  # fmt: skip


@pytest.fixture(scope="module")
def worker(module_settings: Settings) -> Iterator[Worker]:
    """One worker with the option for all tests of the module."""
    with running_worker(module_settings, "keepers", "--only-registered", modules=[TASKS]) as worker:
        yield worker


@pytest.fixture
def ours(module_settings: Settings) -> Keyring:
    """The key of the module's client and worker."""
    return Keyring.load(module_settings.signing_key_file)


def test_a_function_that_travels_is_refused(worker: Worker, store: Store, tmp_path: Path) -> None:
    """Before anything of it is unpickled, signed as it is; client and log are told in one sentence."""
    mark = tmp_path / "mark"
    job = submit(print, Marks(mark)).wait(5)
    end = store.end_of(job.id, ENDED_S)
    said = f"Job '{job.id}' brings its own function, and this worker runs registered ones only (--only-registered)"
    assert (end["state"], end["error_type"], end["error"].startswith(said)) == ("failed", "UnknownFunction", True)
    assert worker.log.count(said) == 1
    assert not mark.exists()


def test_a_registered_function_runs() -> None:
    """Called by its name, in the engine's loop and in a child, from nbqueue or by hand."""
    assert [run(name, "world").wait(20) for name in FUNCTIONS] == ["hello world"] * 2


def test_a_call_by_hand_runs(store: Store) -> None:
    """Plain JSON was safe before."""
    store.put("by-hand", json.dumps({"function": "greet", "args": ["world"]}).encode())
    assert store.end_of("by-hand")["state"] == "succeeded"


def test_a_name_that_is_not_registered_is_refused(store: Store, ours: Keyring, tmp_path: Path) -> None:
    """Its arguments are not unpickled either."""
    mark = tmp_path / "mark"
    store.put_signed(ours, "unknown", codec.dump_call("nobody", (Marks(mark),), {}), fn="nobody", by="name")
    assert store.end_of("unknown")["error_type"] == "UnknownFunction"
    assert not mark.exists()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("place", ["argument", "function", "both", "lines"])
def test_code_in_the_place_of_data_is_refused(
    store: Store, ours: Keyring, tmp_path: Path, name: str, place: str
) -> None:
    """A signed call of a registered function whose pickles hold more than data runs nothing of it."""
    mark, job_id = tmp_path / "mark", f"{place}-{name}"
    evil, plain = pickle.dumps(Marks(mark)), pickle.dumps((("world",), {}))
    known = pickle.dumps(name)
    payload = {
        "argument": codec.dump_call(name, (Marks(mark),), {}),
        "function": plain + evil + codec._TRAILER.pack(len(evil), 0),
        "both": pickle.dumps((name, (Marks(mark),), {})) + codec._TRAILER.pack(0, 0),
        "lines": plain + known + evil + codec._TRAILER.pack(len(known), len(evil)),
    }[place]
    store.put_signed(ours, job_id, payload, fn=name, by="name", lane="loop" if "async" in name else "process")
    end = store.end_of(job_id, 10)
    assert not mark.exists()
    if place == "lines":
        assert end["state"] == "succeeded"  # they are not looked at
    else:
        assert (end["state"], end["error_type"]) == ("failed", "NotSendable")
        assert "The call holds posix.mkdir, and this worker takes plain data only" in end["error"]


def test_another_name_in_the_payload_does_not_count(store: Store, ours: Keyring) -> None:
    """What is called is what the header says, which is what was looked up and what the history shows."""
    store.put_signed(ours, "two-names", codec.dump_call("fail_there", ("world",), {}), fn="greet", by="name")
    assert store.end_of("two-names")["state"] == "succeeded"


@pytest.mark.parametrize("name", ["keep", "keep_async"])
def test_a_checkpoint_is_plain_data_too(store: Store, ours: Keyring, tmp_path: Path, name: str) -> None:
    """Plain ones come back; others are refused where they are made; a forged one of a key holder is not loaded."""
    assert run(name, 0.1).wait(10) == {"kept": 1}
    with pytest.raises(JobFailed, match=r"holds pathlib.*PurePosixPath, and this worker takes plain data only"):
        run(name, 0.1, rich=True).wait(10)
    mark = tmp_path / "mark"
    job = submit(name, 1.5).wait(5)
    place = store.keys.checkpoint(job.id)
    wait_until(lambda: store.client.get(place))
    header = {"kind": "checkpoint", "ns": "", "id": job.id}
    store.client.set(place, seal(ours, header, pickle.dumps(Marks(mark))), px=60_000)
    with pytest.raises(JobFailed, match=r"holds posix\.mkdir"):
        job.wait(10)
    assert not mark.exists()


def test_a_worker_without_the_option_takes_what_this_one_refuses(module_settings: Settings, store: Store) -> None:
    """Beside one the job is left to it, at its first attempt; names go on running here."""
    with running_worker(module_settings, "--slots", "1"):
        jobs = [submit(len, "abc").wait(5) for _ in range(4)]
        assert [job.wait(20) for job in jobs] == [3] * 4
        assert {tuple(store.history(job.id)) for job in jobs} == {((1, "succeeded"),)}
        assert options(timeout=10).run("greet", "world").wait(20) == "hello world"


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_data_passes(value: Any) -> None:
    """What may be an argument is the same at the other end."""
    assert codec.load_call(codec.dump_call("f", (value,), {"k": value}), plain=True) == ("f", (value,), {"k": value})


@pytest.mark.parametrize("value", [Path("x"), print, dict.fromkeys, Settings, UTC.utcoffset, ValueError("x"), object()])
def test_what_is_more_than_data_is_named(value: object) -> None:
    """Classes, functions and objects are refused, whatever they are."""
    with pytest.raises(plain_pickle.NotPlain, match=r"^\w+(\.\w+)+$"):
        plain_pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("name", sorted(map(".".join, (*plain_pickle._ALLOWED, *plain_pickle._MEASURED))))
def test_types_are_no_values(name: str) -> None:
    """A pickle can make a value of a type that it names, and neither bring the type itself nor write to it."""
    module, _, kind = name.partition(".")
    text = b"".join(bytes([0x8C, len(each)]) + each.encode() + b"\x94" for each in (module, kind))
    with pytest.raises(plain_pickle.NotPlain, match=rf"^{name}$"):
        plain_pickle.loads(b"\x80\x05" + text + b"\x93\x94.")
    with pytest.raises(AttributeError):
        plain_pickle.loads(b"\x80\x05" + text + b"\x93\x94N}\x8c\x01xK\x01s\x86b.")


@pytest.mark.parametrize(("module", "sentence"), [((), "needs the MODULE"), (("m:Settings",), "cannot be used with")])
def test_the_option_is_never_left_out_in_silence(module: tuple[str, ...], sentence: str) -> None:
    """Without a module, or with a class of arq, the worker does not start."""
    found = shell("worker", *module, "--only-registered", "--url", "unix:///nowhere")
    assert (found.returncode, sentence in found.stderr) == (2, True)


def test_registered_functions_submit_registered_functions() -> None:
    """Jobs in jobs need no code that travels."""
    assert run("split", ["a", "b"]).wait(20) == ["hello a", "hello b"]


@pytest.mark.parametrize("name", ["take", "take_async"])
def test_a_result_that_a_job_waits_for_may_be_plain_data_only(module_settings: Settings, name: str) -> None:
    """Who holds the key may have any result made elsewhere; one that is more than plain data is not unpickled here."""
    with running_worker(module_settings, "--queues", "elsewhere", "--slots", "1"):
        plain = options(queue="elsewhere").submit(dict, [("a", 1)]).wait(5)
        rich = options(queue="elsewhere").submit(Path, "more than data").wait(5)
        assert (plain.wait(20), rich.wait(20)) == ({"a": 1}, Path("more than data"))
    assert run(name, plain.id).wait(20) == {"a": 1}
    with pytest.raises(JobFailed, match=r"NotSendable.*takes plain data only"):
        run(name, rich.id).wait(20)
