"""Values of jobs as JSON has them, counted before they are made."""

import json
import time
from collections import OrderedDict, deque
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from nbqueue.web.plain_json import Converter, NoJson, TooLarge
from tests.waiting import SLACK


def converted(value: Any, parts: int = 1000, size_bytes: int = 10_000) -> Any:
    """The value, within these."""
    return Converter(parts=parts, size_bytes=size_bytes).convert(value)


def laughs(deep: int) -> list[Any]:
    """A list that holds another one ten times, and so on: few bytes, many parts."""
    found: list[Any] = [0] * 10
    for _ in range(deep):
        found = [found] * 10
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"day": date(2026, 1, 2), "pair": (1, 2.5), "some": {3}},
         {"day": "2026-01-02", "pair": [1, 2.5], "some": [3]}),
        (range(0, -5, -2), [0, -2, -4]), (deque([True, None]), [True, None]), (Decimal("1.10"), "1.10"),
        (timedelta(minutes=1), 60.0), (OrderedDict(a="\u00fc"), {"a": "\u00fc"}),
        ({1: 3, 1.5: 2, None: 4}, {"1": 3, "1.5": 2, "null": 4}),
    ],
)  # fmt: skip
def test_plain_values_are_written_as_json_can(value: Any, expected: Any) -> None:
    """Dates and decimals are text, what is in a row is a list, names are text."""
    found = converted(value)
    assert (found, json.loads(json.dumps(found))) == (expected, expected)


@pytest.mark.parametrize(
    "value", [range(10**9), range(10**30), range(0, -(10**30), -1), laughs(9), ["x" * 9000] * 9, "\u00fc" * 5000,
              {"a": ["y" * 99] * 999}, list(range(1001))],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_too_large_is_refused_before_it_is_made(value: Any) -> None:
    """Shared parts count each time, a range by its length: what would take minutes takes no time."""
    began = time.monotonic()
    with pytest.raises(TooLarge):
        converted(value)
    assert time.monotonic() - began < 0.5 * SLACK


@pytest.mark.parametrize(
    "value",
    [float("nan"), b"x", {(1, 2): 3}, {b"x": 1}, 1j, [[float("inf")]], slice(1), 1 << 100_000],
    ids=lambda value: type(value).__name__,
)
def test_what_json_lacks_is_refused(value: Any) -> None:
    """Bytes, numbers that are none, and names that are no text have no JSON."""
    with pytest.raises(NoJson):
        converted(value)


def test_what_is_deep_in_itself_is_refused() -> None:
    """A list that holds itself has no end."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NoJson):
        converted(endless, 10**9, 10**9)
