"""The items of a group: which place a job has, and in few characters what it was called with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import PurePath
from typing import Any

#: characters of all arguments of an item, and of one text among them
CHARACTERS, TEXT = 40, 20
#: values of a list, and how deep it is looked into
VALUES, DEPTH = 3, 2

#: said by their str(), which is Python's own
_SAID = (float, complex, bool, type(None), Decimal, Fraction, dt.date, dt.datetime, dt.time, dt.timedelta)
_BRACKETS: dict[type[Any], tuple[str, str]] = {
    list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("{", "}"),
}  # fmt: skip
#: larger integers take long to write
_LARGE = 10**20


class Items:
    """What the jobs of a group were made of."""

    def __init__(self, job_ids: Sequence[str], given: Sequence[tuple[Any, ...]] = (), batch: int = 1) -> None:
        """Args: ids in the order of the items; arguments of each item, where they are known here; items a job."""
        self._ids, self._given, self._batch = job_ids, given, batch

    def place(self, job_id: str) -> int:
        """The number of a job in its group, from 0; of one that stands for several items the first."""
        return self._places[job_id]

    def words(self, place: int) -> str:
        """What the job there was called with, or which items it took; empty where that is not known here."""
        if self._batch > 1:
            first = place * self._batch
            last = min(first + self._batch, len(self._given)) - 1
            return f"items {first:,} to {last:,}" if last > first else f"item {first:,}" if last == first else ""
        if place >= len(self._given):
            return ""
        try:
            return _cut(_joined(self._given[place], DEPTH), CHARACTERS)
        except Exception:  # noqa: BLE001 - it changes right now, or is of a strange class: it only helps to recognise it
            return ""

    @cached_property
    def _places(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, job_id in enumerate(self._ids):
            found.setdefault(job_id, place)
        return found


def short(value: Any, depth: int = DEPTH) -> str:
    """A value in few characters. Values of other types than Python's own are named by type: no code of theirs runs."""
    kind = type(value)
    if kind in (str, bytes):
        return repr(value) if len(value) <= TEXT else f"{value[:TEXT]!r}…"
    if kind in _SAID or (kind is int and abs(value) < _LARGE):
        return str(value)
    if kind is dict or kind in _BRACKETS:
        return _contents(value, depth)
    if issubclass(kind, PurePath) and kind.__module__.partition(".")[0] == "pathlib":
        return short(value.name or str(value))  # the folder is mostly that of all items
    if kind.__module__ == "numpy" and depth > 0 and getattr(value, "shape", None) == ():
        return short(value.item(), depth - 1)
    return f"<{kind.__name__}>"


def _contents(value: Any, depth: int) -> str:
    begin, end = _BRACKETS.get(type(value), ("{", "}"))
    if depth <= 0:
        return f"{begin}…{end}"
    if type(value) is not dict:
        return f"{begin}{_joined(value, depth - 1)}{end}"
    pairs = (f"{short(key, 0)}: {short(each, depth - 1)}" for key, each in _first(value.items()))
    return f"{begin}{_listed(pairs, len(value))}{end}"


def _joined(values: Any, depth: int) -> str:
    return _listed((short(each, depth) for each in _first(values)), len(values))


def _first(values: Iterable[Any]) -> Iterable[Any]:
    for number, value in enumerate(values):
        if number == VALUES:
            return
        yield value


def _listed(texts: Iterable[str], count: int) -> str:
    return ", ".join([*texts, "…"] if count > VALUES else texts)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
