"""Digests of objects by what they give for pickling themselves, as far as that is the same elsewhere."""

from __future__ import annotations

import copyreg
import functools
import inspect
import io
import re
from collections import OrderedDict
from collections.abc import Iterator
from enum import Enum
from typing import Any

from nbqueue.broker import reducers
from nbqueue.broker.digest_walk import Walk
from nbqueue.broker.unsendable import reason

_PROTOCOL = 4
_ADDRESS = re.compile(r"0x([0-9a-fA-F]{6,16})\b")
#: their types pickle themselves in a way that is known to be the same each time
_TRUSTED = frozenset({
    "array", "builtins", "collections", "datetime", "decimal", "fractions", "ipaddress", "logging", "numpy", "operator",
    "pathlib", "pathlib._local", "random", "re", "typing", "types", "uuid", "zoneinfo", "_io", "_operator",
})  # fmt: skip


def encode(walk: Walk, value: Any) -> bool:
    """Write an object; raises NotSendable where it has no value that would be the same elsewhere."""
    if isinstance(value, set | frozenset):
        walk.node("set of a class", value, lambda inner: _set_parts(inner, value))
    elif isinstance(value, Enum):
        walk.node("enum", value, lambda inner: inner.parts([("", type(value)), (".value", value.value)]))
    else:
        _reduced(walk, value)
    return True


def _set_parts(walk: Walk, value: Any) -> None:
    walk.part("", type(value))
    walk.unordered([("{...}", (item,)) for item in value])
    walk.attributes(_lasting(value, getattr(value, "__dict__", {})))


def _reduced(walk: Walk, value: Any) -> None:
    if walk.knows(value):
        # asked again, a large one would make all its bytes again
        walk.node("object", value, lambda _: None)
        return
    found = _asked(walk, value)
    if isinstance(found, str):
        walk.text("import", f"{getattr(value, '__module__', None) or type(value).__module__}:{found}")
        return
    digest = walk.node("object", value, lambda inner: _parts(inner, value, found))
    if not _is_plain(value):
        walk.reduced[walk.path] = digest


def _asked(walk: Walk, value: Any) -> Any:
    """What it gives for pickling itself."""
    reducer = copyreg.dispatch_table.get(type(value))
    try:
        if isinstance(value, io.TextIOWrapper | io.BufferedIOBase) and not isinstance(value, io.BytesIO):
            raise TypeError("it is an open file")  # noqa: TRY301 - one way to tell of it
        if (found := reducers.reduced(value)) is not NotImplemented:
            return found
        return value.__reduce_ex__(_PROTOCOL) if reducer is None else reducer(value)
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001 - pickling runs code of others, which may raise anything
        what, advice = reason(value, error)
        raise walk.refuse(f"it is {what}", advice) from None


def _parts(walk: Walk, value: Any, found: tuple[Any, ...]) -> None:
    given: tuple[Any, ...] = (*found, None, None, None, None)
    maker, arguments, state, items, pairs = given[:5]
    _refuse_addresses(walk, value, arguments, state)
    walk.part("", maker)
    for each in arguments or ():
        walk.part("", each)
    for each in state if isinstance(state, tuple) and len(state) == 2 else (state,):  # noqa: PLR2004 - dict and slots
        if isinstance(each, dict) and all(type(name) is str for name in each):
            walk.attributes(_lasting(value, each))
        else:
            walk.part("", each)
    walk.part("", None if items is None else list(items))
    if pairs is not None:
        walk.part("", list(pairs) if isinstance(value, OrderedDict) else dict(pairs))


def _lasting(value: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The attributes without values that are only remembered: what they are is worked out from the others."""
    return {
        name: each
        for name, each in state.items()
        if not isinstance(inspect.getattr_static(type(value), name, None), functools.cached_property)
    }


def _refuse_addresses(walk: Walk, value: Any, arguments: Any, state: Any) -> None:
    """Refuse an object that gives an address in memory as a part of itself: it is another one elsewhere."""
    parts = [*_leaves((arguments, state))]
    addresses = {id(value), *map(id, parts)}
    for part in parts:
        if type(part) is int:
            is_one = part == id(value) or walk.is_above(part)
        else:
            is_one = type(part) is str and any(
                (at := int(digits, 16)) in addresses or walk.is_above(at) for digits in _ADDRESS.findall(part)
            )
        if is_one:
            raise walk.refuse("it gives its address in memory as a part of itself", "Pass what it stands for")


def _leaves(found: Any) -> Iterator[Any]:
    """What arguments and states hold, two levels down."""
    for each in found:
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, tuple | list) else (each,)
        for one in inner:
            yield from one.values() if isinstance(one, dict) else (one,)


def _is_plain(value: Any) -> bool:
    """Whether it can be asked once: its parts are its attributes, or of a type that is known."""
    kind = type(value)
    if kind.__module__ in _TRUSTED:
        return True
    names = ("__reduce_ex__", "__reduce__", "__getstate__")
    return kind not in copyreg.dispatch_table and all(getattr(kind, name) is getattr(object, name) for name in names)
