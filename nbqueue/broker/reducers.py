"""How things travel that do not pickle by themselves: reducers of installed packages, by the module of a thing's type.

A package names its own under the entry point `nbqueue.reducers`: the name is that of a module (what is in modules below
it counts too), the value a function that takes a thing and gives what `__reduce__` gives, or NotImplemented. It is
imported when a thing of such a module is met, never before.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GROUP = "nbqueue.reducers"
#: their things pickle by themselves, and are met all the time
_OWN_WAY = frozenset({"__main__", "cloudpickle", "numpy", "pandas", "scipy", __name__.partition(".")[0]})

Reducer = Callable[[Any], Any]


def reduced(thing: Any) -> Any:
    """What rebuilds a thing; NotImplemented where no package says how."""
    reduce = _for_type(type(thing))
    return NotImplemented if reduce is None else reduce(thing)


@cache
def known() -> dict[str, EntryPoint]:
    """The reducers of all installed packages, by module."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _for_type(kind: type) -> Reducer | None:
    """The reducer for a type: of its own module, else of a class above it that has one."""
    for base in kind.__mro__:
        if (reduce := _for_module(base.__module__)) is not None:
            return reduce
    return None


@cache
def _for_module(module: str) -> Reducer | None:
    top = module.partition(".")[0]
    if top in _OWN_WAY or top in sys.stdlib_module_names:
        return None
    while module:
        if (point := known().get(module)) is not None:
            return _loaded(point)
        module = module.rpartition(".")[0]
    return None


def _loaded(point: EntryPoint) -> Reducer | None:
    try:
        found: Reducer = point.load()
    except Exception:  # the code of others: without it things pickle as they can
        logging.getLogger("nbqueue").warning(
            "The reducer of %s for things of %s cannot be loaded.", point.value, point.name, exc_info=True
        )
        return None
    return found
