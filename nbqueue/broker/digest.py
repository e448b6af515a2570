"""Whether two calls are the same: a canonical digest of code and arguments, equal in all processes and after a restart.

Pickle bytes are not stable: they depend on the order of sets, on which parts are shared, and on line numbers. Here a
value is walked and written into SHA-256 part by part, each with a tag of its type and its length. What has no order is
written in the order of its parts' own digests.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType, MethodType
from typing import Any

from nbqueue.broker import digest_arrays, digest_code, digest_objects
from nbqueue.broker.digest_walk import Walk, digestible
from nbqueue.broker.unsendable import parameter_names
from nbqueue.errors import NotSendable
from nbqueue.model.task import Task

_DOUBLE = struct.Struct(">d")
_NAN = b"nan     "


def call_digest(fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """The SHA-256, as 64 hex digits, of a call: of the function's code and all that it refers to, and its arguments.

    Line numbers, file names and docstrings do not count, nor does the order of sets, dicts and keyword arguments.
    Numbers of different types differ. A string is the name of a registered function, and stands for itself.

    Raises:
        NotSendable: something has no value that would be the same elsewhere; `path` names it, as in `args[0].model`.
    """
    walk = Walk(_ENCODERS, _fallback)
    found = _call(walk, fn, args, kwargs)
    if walk.reduced:
        # what pickles itself may put a random id or an address into it: asked again, it then says something else
        again = Walk(_ENCODERS, _fallback, kept=walk.kept)
        if _call(again, fn, args, kwargs) != found:
            path = next((path for path, one in again.reduced.items() if walk.reduced.get(path) != one), "")
            raise digestible(path, "each time it is pickled it holds something else, a random id perhaps")
    return found


def _call(walk: Walk, fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    try:
        if isinstance(fn, str):
            walk.text("name", fn)
        else:
            walk.part("", fn.fn if isinstance(fn, Task) else fn)
        walk.text("args", str(len(args)))
        for index, value in enumerate(args):
            walk.part(f"args[{index}]", value)
        walk.text("kwargs", str(len(kwargs)))
        for name in sorted(kwargs):
            walk.text("name", name)
            walk.part(f"kwargs[{name!r}]", kwargs[name])
    except RecursionError:
        raise digestible(walk.top, "it is nested too deeply", "Pass it in a flatter form") from None
    except NotSendable as error:
        raise _with_parameter(error, fn, len(args)) from None
    return walk.hexdigest()


def _with_parameter(error: NotSendable, fn: Callable[..., Any] | str, count: int) -> NotSendable:
    """The error with the name of the argument at fault, where the function tells it."""
    for index, name in enumerate(parameter_names(fn, count)):
        if error.path.startswith(f"args[{index}]"):
            return NotSendable(f'Argument "{name}": {error}', path=error.path)
    return error


# values of the interpreter's own types


def _constant(walk: Walk, value: Any) -> None:
    walk.raw("constant", repr(value).encode())


def _number(walk: Walk, value: Any) -> None:
    walk.raw("int", b"%x" % value if value >= 0 else b"-%x" % -value)


def _float(walk: Walk, value: float) -> None:
    walk.raw("float", _DOUBLE.pack(value) if value == value else _NAN)  # noqa: PLR0124 - all NaNs are one


def _complex(walk: Walk, value: complex) -> None:
    walk.raw("complex", b"")
    _float(walk, value.real)
    _float(walk, value.imag)


def _text(walk: Walk, value: str) -> None:
    walk.raw("str", value.encode("utf-8", "surrogatepass"))


def _bytes(walk: Walk, value: bytes) -> None:
    walk.raw("bytes", value)


def _bytearray(walk: Walk, value: bytearray) -> None:
    walk.raw("bytearray", value)


def _slice(walk: Walk, value: slice) -> None:
    found = [(".start", value.start), (".stop", value.stop), (".step", value.step)]
    walk.node("slice", value, lambda inner: inner.parts(found))


def _range(walk: Walk, value: range) -> None:
    walk.raw("range", f"{value.start} {value.stop} {value.step}".encode())


def _sequence(tag: str, walk: Walk, value: Sequence[Any]) -> None:
    def write(inner: Walk) -> None:
        inner.text("len", str(len(value)))
        for index, item in enumerate(value):
            inner.part(f"[{index}]", item)

    walk.node(tag, value, write)


def _set(tag: str, walk: Walk, value: Any) -> None:
    walk.node(tag, value, lambda inner: inner.unordered([("{...}", (item,)) for item in value]))


def _dict(walk: Walk, value: Mapping[Any, Any]) -> None:
    walk.node("dict", value, lambda inner: inner.mapping(value))


def _partial(walk: Walk, value: partial[Any]) -> None:
    def write(inner: Walk) -> None:
        inner.part(".func", value.func)
        inner.part(".args", value.args)
        inner.part(".keywords", value.keywords)
        inner.mapping(vars(value))

    walk.node("partial", value, write)


def _method(walk: Walk, value: MethodType) -> None:
    def write(inner: Walk) -> None:
        inner.part(".__func__", value.__func__)
        inner.part(".__self__", value.__self__)

    walk.node("method", value, write)


def _task(walk: Walk, value: Task[Any, Any]) -> None:
    walk.part("", value.fn)


def _fallback(walk: Walk, value: Any) -> None:
    """A value of any other type: an array or a table, a class, or what it gives for pickling itself."""
    for encode in (digest_arrays.encode, digest_code.encode, digest_objects.encode):
        if encode(walk, value):
            return


_ENCODERS: dict[type, Callable[[Walk, Any], None]] = {
    type(None): _constant,
    bool: _constant,
    type(...): _constant,
    type(NotImplemented): _constant,
    int: _number,
    float: _float,
    complex: _complex,
    str: _text,
    bytes: _bytes,
    bytearray: _bytearray,
    range: _range,
    slice: _slice,
    tuple: partial(_sequence, "tuple"),
    list: partial(_sequence, "list"),
    set: partial(_set, "set"),
    frozenset: partial(_set, "frozenset"),
    dict: _dict,
    MappingProxyType: _dict,
    partial: _partial,
    MethodType: _method,
    Task: _task,
}
