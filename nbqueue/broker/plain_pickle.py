"""Pickles that hold nothing but data: whoever wrote them, loading them runs no code, and takes only what they bring."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from weakref import ref

from nbqueue.broker.inputs import take
from nbqueue.broker.plain_opcodes import strange


def _empty_dict() -> OrderedDict[Any, Any]:
    return OrderedDict()


def _empty_deque(items: Any = (), maxlen: int | None = None) -> deque[Any]:
    if items:
        raise NotPlain("collections.deque of items")
    return deque(maxlen=maxlen)


#: what may be named in a pickle beside the values that need no name: as the pickles of such values name it
_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("builtins", "complex"): complex,
    ("builtins", "slice"): slice,
    ("collections", "OrderedDict"): _empty_dict,
    ("collections", "deque"): _empty_deque,
    ("datetime", "date"): date,
    ("datetime", "datetime"): datetime,
    ("datetime", "time"): time,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
}

#: what may be named beside it in a call: stands for the result of another job, and cannot be changed either
_TAKE = ("nbqueue.broker.inputs", "take")


class NotPlain(pickle.UnpicklingError):
    """A pickle holds something that is not plain data; nothing of that was imported or called."""


class _Maker:
    """Stands for a type while a pickle is loaded: it makes values as their own pickles do, and no others."""

    __slots__ = ("__weakref__", "_make", "name")

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name = name
        self._make = make

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)


class _Measure:
    """Values may be made of as many bytes as there are, however often a pickle names the same ones."""

    def __init__(self, size: int) -> None:
        self._left = size

    def range(self, *numbers: int) -> range:
        """A range, the length of which is as large a number as its ends."""
        for number in numbers:
            self._spend(number.bit_length() // 8)
        return range(*numbers)

    def text(self, text: str) -> str:
        """The same text: that of another value may be much longer than the value."""
        if type(text) is not str:
            raise NotPlain(f"builtins.str of {type(text).__name__}")
        self._spend(len(text))
        return text

    def decimal(self, text: str) -> Decimal:
        """A number of as many digits as its text."""
        return Decimal(self.text(text))

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise NotPlain("values that are larger than what it brings")


#: those whose values may be large; deques and the like begin empty
_MEASURED: dict[tuple[str, str], Callable[[_Measure], Callable[..., Any]]] = {
    ("builtins", "range"): lambda measure: measure.range,
    ("builtins", "str"): lambda measure: measure.text,
    ("decimal", "Decimal"): lambda measure: measure.decimal,
}


class _PlainUnpickler(pickle.Unpickler):
    def __init__(self, data: bytes | memoryview) -> None:
        super().__init__(io.BytesIO(data))
        self._measure = _Measure(len(data))
        #: what stood for a type: none of it may be left in the value
        self.makers: list[ref[_Maker]] = []

    def find_class(self, module: str, name: str) -> Any:
        """What makes values of the type of that name, where it is allowed."""
        make = _ALLOWED.get((module, name))
        if make is None and (measured := _MEASURED.get((module, name))):
            make = measured(self._measure)
        if make is None:
            raise NotPlain(f"{module}.{name}"[:200])
        maker = _Maker(f"{module}.{name}", make)
        self.makers.append(ref(maker))
        return maker


class _PlainCallUnpickler(_PlainUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The same, or what stands for the result of another job."""
        return take if (module, name) == _TAKE else super().find_class(module, name)


def loads(data: bytes | memoryview, *, taking: bool = False) -> Any:
    """The value of a pickle: numbers, text, bytes, containers, dates and times. Raises NotPlain for anything else.

    With `taking` the results of other jobs may stand in it.
    """
    if (found := strange(data)) is not None:
        raise NotPlain(found)
    unpickler = (_PlainCallUnpickler if taking else _PlainUnpickler)(data)
    value = unpickler.load()
    if makers := unpickler.makers:
        del unpickler
        for maker in filter(None, (each() for each in makers)):
            raise NotPlain(maker.name)
    return value
