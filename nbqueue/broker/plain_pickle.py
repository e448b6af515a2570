"""Pickles that hold nothing but data: whoever wrote them, loading them runs no code."""

from __future__ import annotations

import io
import pickle
from typing import Any

from nbqueue.broker.inputs import take

#: what may be named in a pickle beside the values that need no name. All are types of the interpreter that cannot be
#: changed: no pickle can put anything into them
_ALLOWED = {
    "builtins": frozenset({"bytearray", "complex", "frozenset", "range", "set", "slice", "str"}),
    "collections": frozenset({"OrderedDict", "deque"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
}

#: what may be named beside it in a call: stands for the result of another job, and cannot be changed either
_TAKE = ("nbqueue.broker.inputs", "take")


class NotPlain(pickle.UnpicklingError):
    """A pickle names something that is not plain data; nothing of that was imported or called."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The class of that name, where it is allowed."""
        if name not in _ALLOWED.get(module, ()):
            raise NotPlain(f"{module}.{name}"[:200])
        return super().find_class(module, name)


class _PlainCallUnpickler(_PlainUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The same, or what stands for the result of another job."""
        return take if (module, name) == _TAKE else super().find_class(module, name)


def loads(data: bytes | memoryview, *, taking: bool = False) -> Any:
    """The value of a pickle: numbers, text, bytes, containers, dates and times. Raises NotPlain for anything else.

    With `taking` the results of other jobs may stand in it.
    """
    return (_PlainCallUnpickler if taking else _PlainUnpickler)(io.BytesIO(data)).load()
