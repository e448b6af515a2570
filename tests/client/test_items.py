"""What the items of a group are called on its card."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbqueue.client.items import CHARACTERS, Items, short


class Loud:
    """A value that nobody may ask anything."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)

    def __repr__(self) -> str:
        raise AssertionError


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("ft10", "'ft10'"), ("x" * 40, f"'{'x' * 20}'…"), (60, "60"), (10**5000, "<int>"), (0.5, "0.5"), (None, "None"),
        (Path("data/ft10.txt"), "'ft10.txt'"), (np.float64(0.5), "0.5"), (np.int64(3), "3"),
        (np.zeros(3), "<ndarray>"), (dt.date(2026, 1, 31), "2026-01-31"), ([1, 2, 3, 4], "[1, 2, 3, …]"),
        ({"lr": 0.1, "layers": [64, [1]]}, "{'lr': 0.1, 'layers': [64, […]]}"), ((), "()"), (Loud(), "<Loud>"),
        ([Loud()], "[<Loud>]"), (type("str", (), {})(), "<str>"),
    ],
    ids=range(17),
)  # fmt: skip
def test_a_value_is_told_in_few_characters(value: object, words: str) -> None:
    """Numbers, texts and what holds them are written out; of all else the type is named, and no code of it runs."""
    assert short(value) == words


def test_an_item_is_its_arguments() -> None:
    """A job has the place of its item, and the item's arguments for words, where they are known here."""
    items = Items(["a", "b", "a"], [("ft10", 60), ("x" * 80, "y" * 80), ("ft10", 60)])
    assert ([items.place(each) for each in "ab"], items.words(0)) == ([0, 1], "'ft10', 60")
    assert len(items.words(1)) == CHARACTERS
    assert Items(["a"]).words(0) == ""


def test_a_batch_is_named_by_its_items() -> None:
    """A job of several items tells which."""
    items = Items(["a", "b", "c"], [(number,) for number in range(7)], batch=3)
    assert [items.words(place) for place in range(3)] == ["items 0 to 2", "items 3 to 5", "item 6"]
