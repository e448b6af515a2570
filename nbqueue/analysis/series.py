"""Typed series that grow page by page, one class a kind of column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from nbqueue.analysis.columns import REPEATED, STATES, Kind

_NO_TIME = np.iinfo("int64").min
_LAST_MS = 253_402_300_800_000  # the year 10000
#: whole numbers up to here are exact as floats
_EXACT = 2**53
_PLAIN_TEXT = {str, type(None)}


class Growing(Protocol):
    """A series that takes plain values and is handed out typed."""

    def add(self, values: Sequence[Any]) -> None:
        """Take more values; what does not fit the type becomes missing."""

    def series(self) -> Any:
        """All of them, as something a frame takes as a column."""


def growing(kind: Kind) -> Growing:
    """An empty series of a kind."""
    return _Categories(STATES, REPEATED) if kind == "state" else _CLASSES[kind]()


def seconds_between(start: Any, end: Any) -> Any:
    """Seconds from one column of times to another, NaN where one is missing, never below 0."""
    return (pd.Series(end) - pd.Series(start)).dt.total_seconds().clip(lower=0).to_numpy()


class _Objects:
    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, values: Sequence[Any]) -> None:
        cells = np.empty(len(values), dtype=object)
        cells[:] = values
        self._parts.append(cells)

    def series(self) -> Any:
        return np.concatenate(self._parts) if self._parts else np.empty(0, dtype=object)


class _Texts(_Objects):
    """Texts; empty ones are missing."""

    def add(self, values: Sequence[Any]) -> None:
        super().add([value or None for value in _plain(values)])

    def series(self) -> Any:
        return pd.array(super().series(), dtype="string")


class _Categories:
    """Texts that repeat: a code each, and a table of the texts. With given texts no others are known."""

    def __init__(self, texts: Sequence[str] = (), synonyms: dict[str, str] | None = None) -> None:
        self._texts = list(texts)
        self._grows = not texts
        self._codes: dict[str | None, int] = {None: -1, "": -1, **{text: i for i, text in enumerate(texts)}}
        self._codes.update({name: self._codes[text] for name, text in (synonyms or {}).items()})
        self._parts: list[Any] = []

    def add(self, values: Sequence[Any]) -> None:
        codes = self._codes
        try:
            found = [codes[value] for value in values]
        except (KeyError, TypeError):
            values = _plain(values)
            self._learn(values)
            found = [codes[value] for value in values]
        self._parts.append(np.array(found, dtype="int32"))

    def series(self) -> Any:
        codes = np.concatenate(self._parts) if self._parts else np.empty(0, dtype="int32")
        return pd.Categorical.from_codes(codes, categories=pd.Index(self._texts, dtype=TEXT_TABLE))

    def _learn(self, values: Sequence[Any]) -> None:
        for value in set(values) - self._codes.keys():
            self._codes[value] = len(self._texts) if self._grows else -1
            if self._grows:
                self._texts.append(value)


class _Numbers:
    """Numbers as float64, NaN for what is missing or no number."""

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, values: Sequence[Any]) -> None:
        self._parts.append(_floats(values))

    def series(self) -> Any:
        return np.concatenate(self._parts) if self._parts else np.empty(0, dtype="float64")


class _Integers(_Numbers):
    def series(self) -> Any:
        numbers = super().series()
        missing = ~(np.abs(numbers) < _EXACT)
        return pd.arrays.IntegerArray(np.where(missing, 0, numbers).astype("int64"), missing)


class _Times(_Numbers):
    """Moments given in milliseconds since 1970."""

    def series(self) -> Any:
        stamps = super().series()
        known = (stamps > 0) & (stamps < _LAST_MS)
        whole = np.where(known, np.where(known, stamps, 0).astype("int64"), _NO_TIME)
        return pd.Series(pd.DatetimeIndex(whole.view("M8[ms]")).tz_localize("UTC"))


_CLASSES: dict[Kind, type[Growing]] = {
    "text": _Texts, "category": _Categories, "time": _Times, "int": _Integers, "float": _Numbers, "object": _Objects,
}  # fmt: skip
#: what a table of texts is typed as: pandas 3 has a type of its own for it
TEXT_TABLE: Any = "str" if int(pd.__version__.split(".")[0]) >= 3 else "object"  # noqa: PLR2004 - the major version


def _plain(values: Sequence[Any]) -> Sequence[str | None]:
    """Nothing but str and None, and no lone surrogates, which other libraries refuse."""
    if not set(map(type, values)) <= _PLAIN_TEXT:
        values = [value if value is None or isinstance(value, str) else str(value) for value in values]
    try:
        "".join(filter(None, values)).encode()
    except UnicodeEncodeError:
        values = [value and value.encode(errors="replace").decode() for value in values]
    return values


def _floats(values: Sequence[Any]) -> Any:
    try:
        return np.array(values, dtype="float64")
    except (TypeError, ValueError, OverflowError):
        kept = [value if type(value) in (int, float) and abs(value) < _EXACT else None for value in values]
        return np.array(kept, dtype="float64")
