"""Whatever an option is given: it is taken, or one sentence of ours says at once what is wrong with it."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbqueue import options
from nbqueue.errors import ConfigurationError, NotSendable
from nbqueue.model.options import Options

NAMES = [item.name for item in fields(Options)]


class Odd:
    """Compares, counts and shows itself in no usual way."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("compared")

    def __hash__(self) -> int:
        raise TypeError("hashed")

    def __repr__(self) -> str:
        raise RuntimeError("shown")

    def __bool__(self) -> bool:
        raise ValueError("asked")


def odd_values() -> Iterator[object]:
    """What no check expects, also inside of what it does."""
    odd: list[object] = [
        Odd(), object(), NotImplemented, ..., np.array([1, 2]), np.float64("nan"), np.int64(3), pd.NA, pd.NaT, range(3),
        pd.Series([1, 2]), b"bytes", bytearray(b"x"), int, len, float("nan"), float("inf"), -0.0, 10**400, -(10**400),
        "\ud800", "x" * 100_000, "\0", "a\nb", Decimal("NaN"), Decimal("1e999999"), Fraction(1, 3), date.max, time.max,
        timedelta.max, timedelta.min, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), [[]], ({},),
        "9" * 5000, "9" * 5000 + "/min", "1/" + "9" * 400 + "s", "1e400", "gpu=1e400", "http://", "http://[",
        "https://user:pw@host:99999/", "https://\ud800/",
    ]  # fmt: skip
    for value in odd:
        yield from (value, [value], (value, value), {"gpu": value}, RetryLike(value))


class RetryLike:
    """Has what a policy has, with a value where others have a number."""

    def __init__(self, value: object) -> None:
        self.max_tries = self.delay = self.on = value


_plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.timedeltas()
_values = st.recursive(
    _plain | st.datetimes() | st.datetimes(timezones=st.just(UTC)) | st.decimals() | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), value=_values)
def test_any_value_is_taken_or_refused_in_one_sentence(name: str, value: object) -> None:
    """No option lets an error through that is not ours."""
    _give(name, value)


@pytest.mark.parametrize("name", NAMES)
def test_odd_values_are_taken_or_refused_in_one_sentence(name: str) -> None:
    """Nor one that a value itself raises when it is compared, counted or shown."""
    for value in odd_values():
        _give(name, value)


def _give(name: str, value: object) -> None:
    given_options: dict[str, Any] = {name: value}
    try:
        options(**given_options)
    except (ConfigurationError, NotSendable) as error:
        text = str(error)
        assert text.endswith((".", ")"))
        assert "\n" not in text
        assert len(text) < 1000
