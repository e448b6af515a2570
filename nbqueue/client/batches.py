"""Several items of a `submit_map` in one job: the same function, called for each of them in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbqueue.inside.batches import Item, of_items


def in_batches(
    code: Callable[..., Any] | str, items: Sequence[Item], size: int
) -> tuple[Callable[..., Any] | str, list[Item]]:
    """The function that takes a batch, and the batches of at most `size` items, each as one argument.

    Of a function that is called by its name the worker makes it.
    """
    batches = [(list(items[start : start + size]),) for start in range(0, len(items), size)]
    return code if isinstance(code, str) else of_items(code), batches


def by_job(items: Sequence[Item], size: int) -> list[Item]:
    """The arguments of items as those of jobs: of a batch for each argument the list of what its items give."""
    if size == 1:
        return list(items)
    parts = (items[start : start + size] for start in range(0, len(items), size))
    return [tuple(list(column) for column in zip(*part, strict=True)) for part in parts]


def by_item(values: Sequence[Any], size: int, count: int) -> list[Any]:
    """The results of jobs as results of items: of a batch its own, or its one error for each of them."""
    if size == 1:
        return list(values)
    found: list[Any] = []
    for number, value in enumerate(values):
        items = min(size, count - number * size)
        found += value if isinstance(value, list) and len(value) == items else [value] * items
    return found
