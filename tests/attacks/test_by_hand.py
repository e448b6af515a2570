"""Jobs as plain JSON, for registered functions: they run without a key, and nothing else can be reached that way."""

import json
from pathlib import Path
from typing import Any

import pytest

from nbqueue import run
from nbqueue.broker import codec
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from tests.attacks.store import Marks, Store, by_hand, marking
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("client", "unharmed")

STRANGE_NAMES = (
    "os.system", "builtins.eval", "eval", "print", "trap", "trap.run", "greetings.greet", "greetings:greet",
    "__class__", "greet.__globals__", "__main__.greet", "GREET", "greet ", "../greet", "", "\x00", "\ud800",
    "x" * 900_000, "é" * 150_000,
)  # fmt: skip


def result_of(store: Store, job_id: str) -> Any:
    """The result as somebody without nbqueue reads it: the header's length stands in the first line."""
    blob = wait_until(lambda: store.client.get(f"arq:result:{job_id}"), 10)
    assert isinstance(blob, bytes)
    first, rest = blob.split(b"\n", 1)
    length = int(first.split()[3])
    header, payload = json.loads(rest[:length]), rest[length + 1 :]
    assert (header["state"], header["codec"]) == ("succeeded", "json")
    return json.loads(payload)


@pytest.mark.parametrize("function", ["greet", "greet_async"])
def test_two_commands_run_a_registered_function(store: Store, function: str) -> None:
    """A job put in as the documentation says runs, in a child or in the engine's loop, and its result is JSON."""
    submission = f'{{"function": "{function}", "args": ["world"], "kwargs": {{}}}}'
    store.client.execute_command("SET", f"arq:job:by-hand-{function}", submission)
    store.client.execute_command("ZADD", "arq:queue:default", 1, f"by-hand-{function}")
    assert result_of(store, f"by-hand-{function}") == "hello world"
    assert store.history(f"by-hand-{function}") == [(1, "succeeded")]


def test_arguments_are_data(store: Store) -> None:
    """What looks like a recipe for an object, or like an array of objects, arrives as the text and dicts it is."""
    recipe = {"__reduce__": ["os.system", ["touch /tmp/no"]], "py/object": "os.system", "$type": "System.Process"}
    array = "\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    store.put("recipe", by_hand("greet", recipe, times=1))
    store.put("array", by_hand("greet", array))
    assert result_of(store, "recipe") == f"hello {recipe}"
    assert result_of(store, "array") == f"hello {array}"


def test_only_registered_names_are_looked_up(store: Store, module_settings: Settings, trap: Path) -> None:
    """Any other name, by hand or signed, fails in time with a reason of a moderate length, and imports nothing."""
    ours = Keyring.load(module_settings.signing_key_file)
    for number, name in enumerate(STRANGE_NAMES):
        store.put(f"hand-{number}", by_hand(name, "id"))
        if len(name) < 100_000:
            store.put_signed(ours, f"signed-{number}", codec.dump_call("greet", ("id",), {}), fn=name, by="name")
    assert run(len, "abc").wait(10) == 3
    for number, name in enumerate(STRANGE_NAMES):
        ends = [store.end_of(f"hand-{number}", 10)]
        ends += [store.end_of(f"signed-{number}", 10)] if 0 < len(name) < 100_000 else []
        assert {end["state"] for end in ends} == {"failed"}
        assert {end["error_type"] for end in ends} == {"UnknownFunction" if name else "TamperedPayload"}
        assert max(len(end["error"]) for end in ends) <= 500
    assert not trap.exists()


def test_what_is_no_plain_call_is_refused(store: Store, tmp_path: Path) -> None:
    """A pickle behind a brace, other shapes, other keys, depth, length: refused as data, and no pickle is loaded."""
    mark = tmp_path / "mark"
    strange: list[bytes] = [
        b"{" + marking(mark), b"{", b"{}", b"{}" + marking(mark), b'{"function": 1}', b'{"function": ["greet"]}',
        b'{"function": "greet", "args": "world"}', b'{"function": "greet", "kwargs": []}',
        b'{"function": "greet", "args": ["a"], "opt": {"timeout": 1}}', b'{"function": "greet", "pickle": true}',
        b'{"function": "greet", "args": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"function": "greet", "args": [' + b"9" * 100_000 + b"]}",
        b'{"function": "greet", "args": ["' + b"x" * 1_000_000 + b'"]}', b'{"function": "greet", "args": ["\xff"]}',
    ]  # fmt: skip
    for number, blob in enumerate(strange):
        store.put(f"strange-{number}", blob)
    ends = [store.end_of(f"strange-{number}", 10) for number in range(len(strange))]
    assert {(end["state"], end["error_type"]) for end in ends} == {("failed", "TamperedPayload")}
    assert not mark.exists()


def test_a_call_that_does_not_fit_fails_as_any_other(store: Store) -> None:
    """Wrong arguments are the function's own error."""
    store.put("too-many", by_hand("greet", 1, 2, 3))
    store.put("unknown-keyword", by_hand("greet_async", "a", colour="red"))
    for job_id in ("too-many", "unknown-keyword"):
        end = store.end_of(job_id, 10)
        assert (end["state"], end["error_type"]) == ("failed", "TypeError")


def test_a_signed_pickle_said_to_be_json_is_not_loaded(store: Store, module_settings: Settings, tmp_path: Path) -> None:
    """The header says how a payload is read, and it is read that way alone; an unknown encoding is refused."""
    mark, ours = tmp_path / "mark", Keyring.load(module_settings.signing_key_file)
    payload = codec.dump_call("greet", (Marks(mark),), {})
    encodings = {"as-json": "json", "as-yaml": "yaml", "as-none": None}
    for name, encoding in encodings.items():
        store.put_signed(ours, name, payload, fn="greet", by="name", codec=encoding)
    assert {store.end_of(name, 10)["state"] for name in encodings} == {"failed"}
    assert not mark.exists()
