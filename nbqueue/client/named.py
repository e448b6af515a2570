"""Functions by their names: what is told of a function may be given as the function itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbqueue.broker import codec
from nbqueue.errors import ConfigurationError
from nbqueue.model.task import Task

#: a function, or its qualified name
Named = Callable[..., Any] | str


def name_of(function: object) -> str:
    """The name that jobs of a function have: its qualified name, or that of the task."""
    if isinstance(function, Task):
        return function.name
    if isinstance(function, str) or callable(function):
        return codec.function_label(function) if function else ""
    raise ConfigurationError(f"function={function!r} cannot be used: give the function, or its qualified name.")
