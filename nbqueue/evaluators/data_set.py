"""The items of an evaluation: read from lists, dicts and frames, each with an id of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown


class Item(NamedTuple):
    """One item of a data set."""

    #: tells it from the others
    id: Any
    #: what the task is called with
    value: Any

    @property
    def input(self) -> Any:
        """Its "input", or the item itself."""
        return self.value["input"] if isinstance(self.value, Mapping) and "input" in self.value else self.value

    @property
    def target(self) -> Any:
        """Its "target", or None."""
        return self.value.get("target") if isinstance(self.value, Mapping) else None


def read(given: Any) -> list[Item]:
    """The items of an iterable, of a mapping of ids to items, or of a pandas frame (a dict a row).

    Raises:
        ConfigurationError: what was given is none of these or has no item, or two items have the same id.
    """
    items = [Item(*each) for each in _pairs(given)]
    if not items:
        raise ConfigurationError(f"items={shown(given)} is empty, and there is nothing to evaluate: give an item.")
    seen: set[Any] = set()
    for item in items:
        if not isinstance(item.id, str | int | float | tuple):
            raise ConfigurationError(f"The id {shown(item.id)} cannot be used: give each item a text or a number.")
        if item.id in seen:
            raise ConfigurationError(f"Two items have the id {shown(item.id)}: give each item an id of its own.")
        seen.add(item.id)
    return items


def _pairs(given: Any) -> Iterable[tuple[Any, Any]]:
    if hasattr(given, "to_dict") and hasattr(given, "index"):
        rows = given.to_dict("records")
        return [(_id_of(row, _plain(label)), row) for label, row in zip(given.index, rows, strict=True)]
    if isinstance(given, Mapping):
        return list(given.items())
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"items={shown(given)} cannot be evaluated: give a list of dicts, a dict of items by id, or a pandas frame."
        )
    return [(_id_of(value, place), value) for place, value in enumerate(given)]


def _id_of(value: Any, otherwise: Any) -> Any:
    return _plain(value["id"]) if isinstance(value, Mapping) and "id" in value else otherwise


def _plain(value: Any) -> Any:
    """A label of a frame's index as Python's own number."""
    return value.item() if hasattr(value, "item") else value
