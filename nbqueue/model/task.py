"""Functions registered under a name, and the registry of this process."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType, MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from nbqueue.errors import ConfigurationError
from nbqueue.model import names
from nbqueue.model.familiar import by_name, missing

#: characters of a label, as of those that are given
_LABEL_LENGTH = 200
#: names that tasks have in other libraries
_ELSEWHERE = by_name({
    "await nbqueue.submit(task, ...), as with any function": "delay apply_async submit enqueue remote defer kiq send",
    "await nbqueue.submit_map(task, items), as with any function": "map starmap",
})  # fmt: skip

P = ParamSpec("P")
T = TypeVar("T")


class Task(Generic[P, T]):
    """A function with a name and default options; it is called as the function was."""

    #: what workers know it by
    name: str
    #: the function itself
    fn: Callable[P, T]
    #: default options, as they were given
    options: dict[str, Any]

    def __init__(self, fn: Callable[P, T], name: str, options: Mapping[str, Any] | None = None) -> None:
        functools.update_wrapper(self, fn)
        self.name = name
        self.fn = fn
        self.options = dict(options or {})

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function here and now."""
        return self.fn(*args, **kwargs)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say what submits it."""
            raise missing(self, name, _ELSEWHERE)

    def __repr__(self) -> str:
        return f"<task {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the code; arriving somewhere registers nothing."""
        return type(self), (self.fn, self.name, self.options)


_REGISTERED: dict[str, Task[Any, Any]] = {}


def register(fn: Callable[P, T], name: str | None = None, options: Mapping[str, Any] | None = None) -> Task[P, T]:
    """The task of `fn`, known in this process by `name` (default: the function's qualified name).

    Registering the same function anew (a cell run twice, a module reloaded) replaces it.
    """
    given = name or getattr(fn, "__qualname__", "") or type(fn).__qualname__
    task = Task(fn, names.check_text(given, "name"), options)
    known = _REGISTERED.get(task.name)
    if known is not None and _origin(known.fn) != _origin(fn):
        raise ConfigurationError(
            f'The name "{task.name}" is taken by {_origin(known.fn)}: give {_origin(fn)} another name.'
        )
    _REGISTERED[task.name] = task
    return task


def lookup(name: str) -> Task[Any, Any] | None:
    """The task registered under `name`, or None."""
    return _REGISTERED.get(name)


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(type(fn).__call__)


def function_label(fn: Callable[..., Any] | str) -> str:
    """The function's qualified name as printable text of at most 200 characters."""
    while isinstance(fn, functools.partial | MethodType):
        fn = fn.func if isinstance(fn, functools.partial) else fn.__func__
    name = fn if isinstance(fn, str) else getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return printable_label(str(name))


def printable_label(text: str) -> str:
    """What jobs can be called: the text's first 200 characters, with "?" for what cannot be printed."""
    return "".join(each if each.isprintable() else "?" for each in text[:_LABEL_LENGTH])


def registered() -> Mapping[str, Task[Any, Any]]:
    """All tasks of this process by name, read-only."""
    return MappingProxyType(_REGISTERED)


def _origin(fn: Callable[..., Any]) -> str:
    module = getattr(fn, "__module__", None) or "?"
    return f"{module}.{getattr(fn, '__qualname__', repr(fn))}"
