"""Sameness of arrays and tables: their values count, not how they lie in memory."""

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.broker.digests import of

BASE = np.arange(24.0).reshape(4, 6)
ARRAYS = [
    BASE, BASE.T, BASE.astype(np.float32), BASE.astype(">f8"), BASE.reshape(6, 4), BASE[::2], BASE[:, 1:3], BASE[0],
    BASE > 3, BASE.astype("M8[s]"), BASE.astype("U4"), BASE.astype(object), np.array(1.0), np.array([]),
    np.zeros((0, 3)), np.array([("a", 1)], dtype=[("x", "U3"), ("y", "i4")]), BASE.astype(np.longdouble), BASE + 1j,
    np.array([1, "a", None], dtype=object), np.ma.masked_array([1, 2], [True, False]),
]  # fmt: skip


def test_arrays_differ_by_type_shape_and_values() -> None:
    """Each of these is another."""
    assert len({of(array) for array in ARRAYS}) == len(ARRAYS)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype} {array.shape}")
def test_how_an_array_lies_in_memory_does_not_count(array: Any) -> None:
    """A copy, one in Fortran's order, and one with gaps are the same."""
    apart = np.zeros((*array.shape, 2), array.dtype)
    apart[..., 0] = array
    copies = [array.copy(), array.copy(order="F")]
    if array.dtype.isnative:  # others numpy turns round when it pickles them
        copies.append(pickle.loads(pickle.dumps(array)))
    if not isinstance(array, np.ma.MaskedArray):
        copies.append(apart[..., 0])
    assert {of(each) for each in copies} == {of(array)}


def test_a_large_array_with_gaps_is_the_same() -> None:
    """It is copied in pieces."""
    large = np.arange(6_000_000.0).reshape(1000, 6000)
    assert of(np.asfortranarray(large)) == of(large)
    changed = large.copy()
    changed[999, 5999] += 1
    assert of(changed) != of(large)


def test_what_lies_between_numbers_does_not_count() -> None:
    """Padding of records and of long floats is chance."""
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    digests = set()
    for fill in (0, 255):
        raw = np.full(dtype.itemsize * 2, fill, np.uint8).view(dtype)
        raw["a"], raw["b"] = [1, 2], [3, 4]
        digests.add(of(raw))
    assert len(digests) == 1


FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": [1.0, None, 3.0]}, index=[3, 4, 5])
TABLES = [
    FRAME, FRAME.iloc[::-1], FRAME.rename(columns={"a": "d"}), FRAME[["b", "a", "c"]], FRAME.astype({"a": "float"}),
    FRAME.reset_index(drop=True), FRAME.astype({"a": "Int64"}), FRAME.astype({"b": "category"}), FRAME["a"],
    FRAME["a"].rename("e"), FRAME.index, FRAME.set_index(["a", "b"]), FRAME.assign(a=[1, 2, 4]), FRAME.iloc[:2],
    FRAME.assign(t=pd.date_range("2024", periods=3, tz="UTC")), FRAME.assign(t=pd.date_range("2024", periods=3)),
    FRAME.assign(p=pd.period_range("2024", periods=3, freq="D")), pd.array([1, None, 3], dtype="Int64"),
    pd.array([1, None, 3], dtype="Float64"), pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"], ordered=True),
    pd.interval_range(0, 3), pd.array([True, None], dtype="boolean"), pd.Timestamp("2024"), pd.Timedelta("1D"), pd.NaT,
    pd.NA,
]  # fmt: skip


def test_tables_differ_by_columns_types_and_values() -> None:
    """Each of these is another."""
    assert len({of(table) for table in TABLES}) == len(TABLES)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: type(table).__name__)
def test_copies_of_tables_are_the_same(table: Any) -> None:
    """Also after a way over the wire, and however a frame keeps its columns together."""
    assert of(copy.deepcopy(table)) == of(table) == of(pickle.loads(pickle.dumps(table)))
    one_by_one = pd.DataFrame(index=FRAME.index)
    for name in FRAME:
        one_by_one[name] = FRAME[name]
    assert of(one_by_one) == of(FRAME)


def test_what_lies_under_a_missing_value_does_not_count() -> None:
    """Of masked values only those that are there."""
    hidden = pd.arrays.IntegerArray(np.array([1, 77, 3]), np.array([False, True, False]))
    assert of(hidden) == of(pd.array([1, None, 3], dtype="Int64"))
