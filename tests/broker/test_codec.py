"""What travels: calls, values and errors come back as they were, or the part at fault is named."""

import asyncio
import functools
import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbqueue.broker import codec
from nbqueue.errors import NotSendable, WrongPython
from tests.broker.journeys import elsewhere, there_and_back

OFFSET = 1_000

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
)
others = (
    plain | st.sets(st.integers()) | st.complex_numbers(allow_nan=False) | st.datetimes() | st.decimals(allow_nan=False)
)


def add(first: int, second: int = 0) -> int:
    """A function with a global."""
    return first + second + OFFSET


@dataclass
class Model:
    """A class of a local module."""

    rate: float
    parts: object = None

    def scaled(self, value: float) -> float:
        """A method."""
        return self.rate * value


@dataclass
class Adder:
    """A callable object."""

    amount: int

    def __call__(self, value: int) -> int:
        """Add."""
        return value + self.amount


async def add_later(first: int) -> int:
    """An async function."""
    await asyncio.sleep(0)
    return first + OFFSET


@settings(max_examples=50)
@given(st.lists(others, max_size=4), st.dictionaries(st.text(), others, max_size=4))
def test_arguments_come_back_as_they_were(args: list[Any], kwargs: dict[str, Any]) -> None:
    """Any arguments of a call by name return unchanged."""
    assert codec.load_call(codec.dump_call("solve", args, kwargs)) == ("solve", tuple(args), kwargs)
    joined = codec.join_call(codec.dump_function("solve"), codec.dump_arguments(args, kwargs))
    assert codec.load_call(joined) == ("solve", tuple(args), kwargs)


@settings(max_examples=50)
@given(others)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Any result returns unchanged."""
    assert codec.load_value(codec.dump_value(value)) == value


@settings(max_examples=50)
@given(plain)
def test_plain_values_are_plain_pickles(value: Any) -> None:
    """What is called plain is loaded by pickle alone, without a module of anybody."""
    if codec.is_plain(value):
        assert pickle.loads(codec.dump_value(value)) == value


@pytest.mark.parametrize("value", [{1}, 1j, [object], Adder(1), type("Str", (str,), {})("a"), [0] * 1_000])
def test_what_is_not_plain_is_looked_at_by_cloudpickle(value: object) -> None:
    """Other types, subclasses and long lists are not plain."""
    assert not codec.is_plain(value)


@pytest.mark.parametrize(
    ("fn", "args", "result"),
    [
        (add, (1,), 1_001),
        (lambda first: first + OFFSET, (1,), 1_001),
        (functools.partial(add, 1), (2,), 1_003),
        (Model(2.0).scaled, (3.0,), 6.0),
        (Adder(4), (1,), 5),
        (Model, (2.0,), Model(2.0)),
        (sorted, ([2, 1],), [1, 2]),
        (json.dumps, ([1],), "[1]"),
    ],
    ids=["function", "lambda", "partial", "method", "object", "class", "builtin", "library"],
)
def test_anything_callable_travels(
    fn: Callable[..., Any], args: tuple[Any, ...], result: object, tmp_path: Path
) -> None:
    """Functions, lambdas, partials, methods and callable objects of this module run where it is not importable."""
    assert there_and_back(fn, *args) == result
    assert elsewhere(codec.dump_call(fn, args, {}), tmp_path) == result
    joined = codec.join_call(codec.dump_function(fn), codec.dump_arguments(args, {}))
    assert elsewhere(joined, tmp_path) == result


async def test_an_async_function_stays_one() -> None:
    """An async function and a closure over one travel."""

    async def twice(first: int) -> int:
        return await add_later(first) * 2

    assert asyncio.iscoroutinefunction(codec.load_call(codec.dump_call(add_later, (1,), {}))[0])
    assert await there_and_back(twice, 1) == 2_002


def test_a_result_is_of_our_own_class(tmp_path: Path) -> None:
    """An instance made elsewhere of a class that travelled by value is an instance of our class."""
    found = elsewhere(codec.dump_call(lambda rate: Model(rate), (2.0,), {}), tmp_path)  # noqa: PLW0108 - by value
    assert isinstance(found, Model)
    assert found == Model(2.0)


def test_function_and_arguments_share_what_they_share() -> None:
    """An object that function and arguments both hold is one object after travelling."""
    marker = SimpleNamespace()
    assert there_and_back(lambda given: given is marker, marker)


def test_a_missing_module_is_named(local_module: Callable[[str, str], ModuleType]) -> None:
    """Loading what needs a module that is not here says which; so does a name that the module has no more."""
    module = local_module("gone", "class Thing: pass\n")
    payload = pickle.dumps(module.Thing())
    del module.Thing
    with pytest.raises(NotSendable, match=r"'Thing'.*install the same version"):
        codec.load_value(payload)
    sys.modules["gone"] = None  # type: ignore[assignment]  # as if it could not be imported
    with pytest.raises(NotSendable, match='needs the module "gone", which is missing here: install it for Python 3'):
        codec.load_value(payload)


@pytest.mark.parametrize("payload", [b"", b"\0" * 11, b"\xff" * 40, b"\0" * 12])
def test_what_is_no_call_is_told(payload: bytes) -> None:
    """Bytes that `dump_call` did not make are a clear error."""
    with pytest.raises(NotSendable, match=r"^The call cannot be rebuilt"):
        codec.load_call(payload)


def test_another_python_is_told_before_loading() -> None:
    """Header versions name Python and cloudpickle, and another minor version is refused."""
    ours = dict(codec.header_versions())
    codec.check_versions({**ours, "codec": "pickle"})
    codec.check_versions({"codec": "json"})
    with pytest.raises(WrongPython, match=r"Python 3\.7 with cloudpickle 3\..*here is Python 3\."):
        codec.check_versions({**ours, "py": "3.7"})
    with pytest.raises(WrongPython, match=r"cloudpickle 1\.0"):
        codec.check_versions({**ours, "cp": "1.0"})
    with pytest.raises(WrongPython):
        codec.check_versions({})


def test_a_hundred_megabytes_are_copied_not_chewed() -> None:
    """A large array travels as its bytes, with little beside them."""
    array = np.arange(12_500_000.0)
    payload = codec.dump_call(add, (array,), {})
    assert len(payload) - array.nbytes < 10_000
    assert np.array_equal(codec.load_call(payload)[1][0], array)
