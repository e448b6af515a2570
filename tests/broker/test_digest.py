"""Sameness: equal calls have equal digests, and any change shows."""

import copy
import enum
import functools
import json
import os
import pickle
import re
import threading
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.broker.digest import call_digest
from nbqueue.errors import NotSendable
from tests.broker.digests import made, of

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.datetimes() | st.timedeltas() | st.decimals(allow_nan=False) | st.uuids() | st.complex_numbers(allow_nan=False)
)  # fmt: skip
HASHABLE = st.recursive(LEAVES, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=6)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(HASHABLE, inner, max_size=4)
    | st.dictionaries(st.text(), inner, max_size=4) | st.sets(HASHABLE, max_size=4),
    max_leaves=12,
)  # fmt: skip


class Colour(enum.Enum):
    """Two of them."""

    RED = 1
    BLUE = 2


class Pair(NamedTuple):
    """Two numbers."""

    left: int
    right: int


@dataclass
class Plan:
    """Something of the notebook's."""

    name: str = "a"
    steps: list[int] = field(default_factory=list)

    @functools.cached_property
    def length(self) -> int:
        """Remembered once it was asked for."""
        return len(self.steps)

    def run(self, times: int = 1) -> int:
        """As a bound method it brings its plan."""
        return len(self.steps) * times


@given(VALUES)
def test_copies_are_the_same(value: Any) -> None:
    """Neither what is shared nor the order in which a set or dict was filled counts."""
    assert of(copy.deepcopy(value)) == of(value) == of(pickle.loads(pickle.dumps(value)))
    assert of([value, value]) == of([value, copy.deepcopy(value)])


@given(st.lists(st.tuples(HASHABLE, VALUES), max_size=5, unique_by=lambda pair: repr(pair[0])), st.randoms())
def test_order_does_not_count_where_there_is_none(pairs: list[tuple[Any, Any]], chance: Any) -> None:
    """Dicts and sets are the same in whatever order they were filled; lists are not."""
    shuffled = dict(chance.sample(pairs, len(pairs)))
    straight = dict(sorted(shuffled.items(), key=lambda pair: repr(pair[0])))
    assert of(shuffled) == of(straight)
    assert of(set(shuffled)) == of(set(straight))


@given(VALUES, VALUES)
def test_other_values_have_other_digests(first: Any, second: Any) -> None:
    """Two values have the same digest where their types and texts are the same, else not."""
    if _canonical(first) != _canonical(second):
        assert of(first) != of(second)


@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_a_single_change_shows(values: list[Any], data: st.DataObject) -> None:
    """One more, one less, one wrapped, one in another place."""
    place = data.draw(st.integers(0, len(values) - 1))
    changed = [
        [*values, None], values[:place] + values[place + 1 :], [*values[:place], [values[place]], *values[place + 1 :]],
        tuple(values), {"": values}, [values],
    ]  # fmt: skip
    assert of(values) not in {of(value) for value in changed}


def test_numbers_of_different_types_differ() -> None:
    """1, 1.0, True and what looks like them; not-a-number is itself, the two zeros are two."""
    values: list[Any] = [
        1,
        1.0,
        True,
        "1",
        b"1",
        1 + 0j,
        Decimal(1),
        np.int64(1),
        np.float64(1),
        np.int32(1),
        0.0,
        -0.0,
    ]
    assert len({of(value) for value in values}) == len(values)
    assert of(float("nan")) == of(-float("nan"))


KINDS: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
    (lambda: Plan("a", [1]), lambda: Plan("a", [2])),
    (lambda: Pair(1, 2), lambda: (1, 2)),
    (lambda: Colour.RED, lambda: Colour.BLUE),
    (lambda: Colour.RED, lambda: 1),
    (lambda: datetime(2024, 1, 1, tzinfo=UTC), lambda: datetime(2024, 1, 1)),  # noqa: DTZ001 - naive is another
    (lambda: Path("a/b"), lambda: "a/b"),
    (lambda: functools.partial(int, base=2), lambda: functools.partial(int, base=3)),
    (lambda: Plan("a", [1]).run, lambda: Plan("a", [2]).run),
    (lambda: Plan("a").run, lambda: Plan.run),
    (lambda: OrderedDict(a=1, b=2), lambda: OrderedDict(b=2, a=1)),
    (lambda: defaultdict(list, a=[1]), lambda: defaultdict(set, a=[1])),
    (lambda: Counter("aab"), lambda: Counter("ab")),
    (lambda: deque([1], 3), lambda: deque([1], 4)),
    (lambda: len, lambda: max),
    (lambda: str.upper, lambda: str.lower),
    (lambda: [1].append, lambda: [2].append),
    (lambda: json, lambda: os),
    (lambda: json.dumps, lambda: json.loads),
    (lambda: np.mean, lambda: np.add),
    (lambda: slice(1, 2), lambda: range(1, 2)),
    (lambda: bytearray(b"a"), lambda: b"a"),
    (lambda: frozenset({1}), lambda: {1}),
    (lambda: list[int], lambda: list[str]),
    (lambda: ValueError("a"), lambda: ValueError("b")),
    (lambda: np.random.default_rng(1), lambda: np.random.default_rng(2)),
]


@pytest.mark.parametrize(("one", "other"), KINDS)
def test_kinds_of_values(one: Callable[[], Any], other: Callable[[], Any]) -> None:
    """Made twice it is the same; the one beside it is another."""
    assert of(one()) == of(one()) != of(other())


def test_what_is_only_remembered_does_not_count() -> None:
    """An object is the same before and after it was asked for what it caches."""
    plan = Plan("a", [1, 2])
    before = of(plan)
    assert plan.length == 2
    assert of(plan) == before


def test_arguments_are_told_apart() -> None:
    """By place and name; the order of keywords does not count."""
    assert of(a=1, b=2) == of(b=2, a=1)
    found = [of(1, 2), of([1, 2]), of(1, a=2), of(a=1, b=2), of(2, 1), call_digest("other", (1, 2), {})]
    assert len(set(found)) == len(found)


class Holder:
    """Something with a part."""

    def __init__(self, model: Any) -> None:
        self.model = model


class AtRandom:
    """Pickles itself as something else each time."""

    def __reduce__(self) -> Any:
        return str, (uuid.uuid4().hex,)


class AtItsAddress:
    """Pickles itself as where it lies."""

    def __reduce__(self) -> Any:
        return str, (f"<thing at {hex(id(self))}>",)


class ByItsNumber:
    """Has its address as an attribute."""

    def __init__(self) -> None:
        self.key = id(self)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Path(os.devnull).open(), "it is an open file (/dev/null). Close it, or pass its path."),  # noqa: SIM115
        (threading.Lock, "it is a lock. Create it inside the function."),
        (lambda: (each for each in "ab"), "it is a generator."),
        (AtRandom, "each time it is pickled it holds something else"),
        (AtItsAddress, "it gives its address in memory as a part of itself"),
        (ByItsNumber, "it gives its address in memory as a part of itself"),
    ],
)  # fmt: skip
def test_what_is_not_the_same_elsewhere_is_refused_by_its_path(make: Callable[[], Any], why: str) -> None:
    """One sentence says where it is, why, and what to do."""
    value = make()
    try:
        with pytest.raises(NotSendable) as caught:
            of(Holder([1, value]))
        assert caught.value.path == "args[0].model[1]"
        assert str(caught.value).startswith(f"args[0].model[1] cannot be compared with other calls: {why}")
    finally:
        getattr(value, "close", lambda: None)()


def test_paths_of_other_places() -> None:
    """Keywords, keys, closures and globals are named too; a parameter by its name."""

    def solve(model: Any, **_more: Any) -> None:
        """Takes a model."""

    lock = threading.Lock()
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
        ("name", (), {"deep": {"a": lock}}, "kwargs['deep']['a']"),
        ("name", ({(1, 2): lock},), {}, "args[0][(1, 2)]"),
        (lambda: lock, (), {}, 'variable "lock"'),
        (made("def fn(): return guard", guard=lock), (), {}, 'global "guard"'),
        (solve, (lock,), {}, "args[0]"),
    ]
    for fn, args, kwargs, path in calls:
        with pytest.raises(NotSendable) as caught:
            call_digest(fn, args, kwargs)
        assert caught.value.path == path
    with pytest.raises(NotSendable, match=re.escape('Argument "model": args[0] cannot be compared')):
        call_digest(solve, (lock,), {})


def test_what_is_nested_too_deeply_is_refused() -> None:
    """Before Python gives up."""
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(NotSendable, match=r"args\[1\] cannot be compared with other calls: it is nested too deeply"):
        of(1, deep)


def _canonical(value: Any) -> Any:
    """A value as a text that says its types, without an order where there is none."""
    match value:
        case list() | tuple():
            return type(value).__name__, [_canonical(item) for item in value]
        case set() | frozenset():
            return type(value).__name__, sorted(repr(_canonical(item)) for item in value)
        case dict():
            return "dict", sorted(repr((_canonical(key), _canonical(item))) for key, item in value.items())
        case datetime() | timedelta():
            return type(value).__name__, repr(value)
        case _:
            return type(value).__name__, repr(value)
