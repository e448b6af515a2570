"""Large pieces of calls are cut out as they are pickled, and what is put together again is the same to the byte."""

import pickle
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.broker import codec
from nbqueue.broker.pieces import Cuts, Piece, is_cut, pieces_of, verified, whole, with_table
from nbqueue.errors import TamperedPayload

OVER = 65_536
LARGE = np.random.default_rng(1).random(30_000)
#: the last byte of a pickle: none ends as a table does
END = b"."


def score(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """What it was given."""
    return args, kwargs


def digests_of(payload: bytes) -> list[str]:
    """The pieces that a payload lacks; each once."""
    return list(dict.fromkeys(each.digest for each in pieces_of(payload)))


def dumped(*args: Any, **kwargs: Any) -> tuple[bytes, Cuts]:
    """A call, and what was cut out of it."""
    cuts = Cuts(OVER)
    return codec.dump_call(score, args, kwargs, cuts=cuts), cuts


def loaded(payload: bytes, cuts: Cuts) -> Any:
    """What the function gives."""
    fn, args, kwargs = codec.load_call(whole(payload, cuts.contents))
    return fn(*args, **kwargs)


@pytest.mark.parametrize(
    "value",
    [LARGE, np.asfortranarray(LARGE.reshape(100, 300)), LARGE[::2], pd.DataFrame({"x": LARGE}), b"x" * 200_000,
     bytearray(200_000), "y" * 200_000, {"deep": [LARGE, LARGE]}],
    ids=["array", "Fortran order", "strided", "frame", "bytes", "bytearray", "text", "twice in a dict"],
)  # fmt: skip
def test_what_is_large_is_cut_out_and_put_back(value: Any) -> None:
    """Little is left of the call, and the value is the same."""
    payload, cuts = dumped(value, 1, name="x")
    assert (len(payload) < 3_000, is_cut(payload), set(digests_of(payload))) == (True, True, set(cuts.contents))
    (found, one), named = loaded(payload, cuts)
    assert (pickle.dumps(found), one, named) == (pickle.dumps(value), 1, {"name": "x"})


def test_equal_pieces_have_equal_digests_wherever_they_stand() -> None:
    """The same array in other calls, as another object, is the same piece."""
    first, second = dumped(1, LARGE)[0], dumped(name=LARGE.copy(), other=[2, 3])[0]
    assert digests_of(first) == digests_of(second)


def test_models_without_a_large_part_are_cut_at_their_content() -> None:
    """Of many small things most parts are the same in calls that differ in small arguments."""
    chance = random.Random(1)
    model = [{str(chance.random()): [chance.random()] * 3} for _ in range(60_000)]
    first, second = dumped(1, model, 2), dumped(2, model, "another")
    common = set(digests_of(first[0])) & set(digests_of(second[0]))
    shared = sum(len(first[1].contents[each]) for each in common)
    assert shared > 0.5 * sum(map(len, first[1].contents.values()))
    assert loaded(*second)[0] == (2, model, "another")


def test_small_calls_are_as_they_were() -> None:
    """Without large pieces a payload has no table, and is the same as uncut."""
    for args in ((1, "two"), (np.arange(10),), (b"x" * 1000,)):
        payload, cuts = dumped(*args)
        assert (is_cut(payload), cuts.contents, digests_of(payload)) == (False, {}, [])
        assert payload == codec.dump_call(score, args, {})


def test_functions_that_hold_much_are_cut_too() -> None:
    """An array in a closure is one piece for all calls; those of arguments stand before it."""

    def close(number: int, other: Any) -> Any:
        return LARGE[number], other[number]

    other = LARGE + 1
    cuts = Cuts(OVER)
    of_function, of_item = cuts.another(), cuts.another()
    function = codec.dump_function(close, cuts=of_function)
    arguments = codec.dump_arguments((3, other), {}, cuts=of_item)
    payload = codec.join_call(function, arguments, of_item.before(of_function))
    assert (len(payload) < 10_000, len(digests_of(payload)), len(cuts.contents)) == (True, 2, 2)
    fn, args, _ = codec.load_call(whole(payload, cuts.contents))
    assert fn(*args) == (LARGE[3], other[3])


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 40))
def test_what_was_written_comes_back(parts: list[bytes], over: int) -> None:
    """Whatever is written in whatever parts is the same once it is put together; each piece is as large as asked."""
    cuts = Cuts(over)
    for part in (*parts, END):
        cuts.write(part)
    written = b"".join((*parts, END))
    assert cuts.tell() == len(written)
    payload = with_table(cuts.getvalue(), cuts.pieces)
    assert whole(payload, cuts.contents) == written
    assert all(len(cuts.contents[each.digest]) == each.size >= over for each in pieces_of(payload))


def test_a_piece_that_was_changed_is_refused() -> None:
    """What the digest does not stand for is not put into a call."""
    payload, cuts = dumped(LARGE)
    [digest] = digests_of(payload)
    assert verified(digest, cuts.contents[digest]) is cuts.contents[digest]
    with pytest.raises(TamperedPayload, match=r"A part of the arguments \(3 bytes\) is not what was submitted"):
        verified(digest, b"bad")


def test_a_table_that_is_none_is_refused() -> None:
    """A payload that ends like one with a table, and has none, is not read beyond itself."""
    table = with_table(b"", [Piece(0, 1, "00" * 32)])
    for left in (12, 8):
        with pytest.raises(TamperedPayload, match="its table of pieces is longer than itself"):
            pieces_of(table[-left:])


def test_a_call_that_was_cut_is_what_it_would_be_uncut() -> None:
    """What is put together is to the byte what the pickler writes where nothing is cut."""
    payload, cuts = dumped(LARGE, {"x": LARGE[::2]})
    assert whole(payload, cuts.contents) == codec.dump_call(score, (LARGE, {"x": LARGE[::2]}), {})
