"""What a pickle says does not depend on which of its texts are one object."""

import pickle
from typing import Any

import pytest

from nbqueue.broker import codec, pickle_words


def other(text: str) -> str:
    """An equal text that is another object."""
    return "".join(list(text))


def function(name: str) -> Any:
    """A function by value whose annotation is of this very text."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def add(ledger, number):\n    return number", space)
    space["add"].__annotations__ = {name: "number"}
    return space["add"]


LONG = "a text that is no name"


@pytest.mark.parametrize(
    ("one", "equal"),
    [
        ((LONG, LONG), (LONG, other(LONG))),
        ({LONG: [LONG]}, {LONG: [other(LONG)]}),
        ((bytes(40), [LONG, LONG]), (bytes(40), [LONG, other(LONG)])),
        (([1], LONG, LONG, (2,)), ([1], LONG, other(LONG), (2,))),
    ],
)
def test_equal_texts_are_one(one: object, equal: object) -> None:
    """Their pickles differ by what is referred to, and say the same."""
    first, second = pickle.dumps(one, 5), pickle.dumps(equal, 5)
    assert first != second
    assert pickle_words.digest(first) == pickle_words.digest(second)


@pytest.mark.parametrize(
    ("one", "different"),
    [
        (("a", "b"), ("b", "a")),
        (("a", b"a"), ("a", "a")),
        (([shared := [1], shared]), ([[1], [1]])),
        (([1], [2], [1]), ([1], [2], [2])),
        ((1, 2.0), (1, 2)),
        (("ab", "c"), ("a", "bc")),
    ],
)
def test_what_differs_is_told_apart(one: object, different: object) -> None:
    """Values, types, and which of the things that can change are one."""
    assert pickle_words.digest(pickle.dumps(one, 5)) != pickle_words.digest(pickle.dumps(different, 5))


def test_a_call_is_the_same_wherever_its_function_was_before() -> None:
    """A function that came to another process has names that are other objects than those of its code."""
    code = function("ledger")
    [mine] = [name for name in code.__code__.co_varnames if name == "ledger"]
    one, equal = (codec.dump_call(function(name), (1, 2), {}) for name in (mine, other("ledger")))
    assert len(one) != len(equal)
    assert codec.fingerprint(one) == codec.fingerprint(equal)
    assert codec.fingerprint(one) != codec.fingerprint(codec.dump_call(function(mine), (1, 3), {}))
    assert codec.fingerprint(one) != codec.fingerprint(codec.dump_call(function("number"), (1, 2), {}))


def test_all_of_a_long_pickle_counts() -> None:
    """Also what is beyond the parts that are looked at."""
    long = list(range(pickle_words.MOST))
    assert pickle_words.digest(pickle.dumps([*long, 1], 5)) == pickle_words.digest(pickle.dumps([*long, 1], 5))
    assert pickle_words.digest(pickle.dumps([*long, 1], 5)) != pickle_words.digest(pickle.dumps([*long, 2], 5))
