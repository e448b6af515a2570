"""A few signed bytes that ask for much memory get none of it, where plain data is all that is taken."""

import pickle
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nbqueue.broker import codec, plain_pickle
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from tests.attacks.conftest import TASKS
from tests.attacks.store import Store
from tests.workers import running_worker

FAR = (0x03FFFFFF).to_bytes(4, "little")
#: ten lists in ten lists, whose text is a billion lists long
LAUGHS = b"]\x94" + b"".join(b"0]\x94(" + (b"h" + bytes([number])) * 10 + b"e" for number in range(9))


def _named(module: bytes, name: bytes, arguments: bytes) -> bytes:
    """The pickle of what a type of that name makes of the arguments."""
    texts = b"".join(bytes([0x8C, len(each)]) + each for each in (module, name))
    return b"\x80\x05" + texts + b"\x93" + arguments + b"\x85R."


def _huge(name: bytes, arguments: bytes = b"") -> bytes:
    return _named(b"builtins", name, arguments or b"\x8a\x05\x00\xe4\x0b\x54\x02")


BOMBS = {
    "a far place": b"\x80\x05Nr" + FAR + b".",
    "a far place by text": b"\x80\x05Np67108863\n.",
    "a near place": b"\x80\x05Nq\xff.",
    "a frame in a frame": b"\x80\x05\x95" + (20).to_bytes(8, "little") + b"\x95" + (10).to_bytes(8, "little")
                          + b"C\x07Nr" + FAR + b"." + bytes(20),
    "a frame in text": b"\x80\x05\x95" + (3).to_bytes(8, "little") + b"C\x07Nr" + FAR + b"..",
    "many zeros": _huge(b"bytearray"),
    "a text of lists": _named(b"builtins", b"str", LAUGHS),
    "items of a range": _named(b"collections", b"deque", _huge(b"range")[2:-1]),
    "copies of a text": b"\x80\x05X" + (9000).to_bytes(4, "little") + b"7" * 9000
                        + b"\x940\x8c\x07decimal\x8c\x07Decimal\x93\x94](" + b"h\x01h\x00\x85R" * 500 + b"e.",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_not_plain(name: str) -> None:
    """What asks for more than it brings is refused before it is carried out."""
    with pytest.raises(plain_pickle.NotPlain):
        plain_pickle.loads(BOMBS[name])


def test_an_engine_stays_small(module_settings: Settings, keyring: Keyring, store: Store) -> None:
    """A signed call with a bomb among its arguments ends as failed, and its engine has not grown."""
    with running_worker(module_settings, "keepers", "--only-registered", modules=[TASKS]) as worker:
        before = _peak_mb(worker.engine())
        arguments = pickle.dumps((("world",), {}), 5)
        bomb = arguments[:-1].replace(arguments[2:11], b"") + b"r" + FAR + b"."
        name = pickle.dumps("greet_async", 5)
        payload = bomb + name + codec._TRAILER.pack(len(name), 0)
        store.put_signed(keyring, "bomb", payload, fn="greet_async", by="name", lane="loop")
        end = store.end_of("bomb", 10)
        grown = _peak_mb(worker.engine()) - before
    assert (end["error_type"], "opcode LONG_BINPUT" in end["error"]) == ("NotSendable", True)
    assert grown < 20


LEAVES = (
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text() | some.binary()
    | some.decimals(allow_nan=False) | some.datetimes() | some.timedeltas() | some.complex_numbers(allow_nan=False)
    | some.binary().map(bytearray) | some.builds(range, some.integers(), some.integers())
)  # fmt: skip
VALUES = some.recursive(
    LEAVES, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner) | some.lists(inner).map(tuple)
)  # fmt: skip


@given(VALUES)
def test_all_plain_data_passes(value: Any) -> None:
    """Nothing that ours write is taken for a bomb."""
    assert plain_pickle.loads(codec.dump_value(value)) == value


@pytest.mark.parametrize("size", [3, 255, 256, 65_535, 65_536, 200_000])
def test_large_data_passes(size: int) -> None:
    """Nor is what stands outside of frames, for its size or its number."""
    dice = random.Random(size)
    numbers = [dice.getrandbits(80) for _ in range(size // 8)]
    value = ["x" * size, b"y" * size, bytearray(size), numbers, {number: str(number) for number in numbers}]
    assert plain_pickle.loads(codec.dump_value(value)) == value


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1000


@pytest.fixture
def keyring(module_settings: Settings) -> Keyring:
    """The key of the module's client and worker."""
    return Keyring.load(module_settings.signing_key_file)
