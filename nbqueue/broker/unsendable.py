"""Why something cannot travel: finds the part at fault and says it in one sentence."""

from __future__ import annotations

import inspect
import io
import socket
import sys
import threading
import time
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pickle import PicklingError
from types import (
    AsyncGeneratorType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import Any

from nbqueue.broker.travel import CallPickler, TravelPickler, is_local
from nbqueue.errors import NotSendable
from nbqueue.model.backoff import Guided

#: the search ends after this many seconds with what it found so far
SEARCH_LIMIT_S = 0.08
_DEEPEST = 30
_SHOWN = 120
#: a part of a value: how it is written after its owner, and the part
Part = tuple[str, Any]

_LOCKS = (type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Event, threading.Semaphore)
_GENERATORS = (GeneratorType, AsyncGeneratorType)

_REASONS: tuple[tuple[tuple[type, ...], str, str], ...] = (
    (_LOCKS, "a lock", "Create it inside the function"),
    (_GENERATORS, "a generator", "Pass list(...) of it, or the arguments to make it"),
    ((CoroutineType,), "a coroutine", "Pass the async function itself, or await it first"),
    ((Future,), "a task or future of an event loop", "Await it first, and pass what it gives"),
    ((AbstractEventLoop,), "an event loop", "Get it inside the function"),
    ((socket.socket,), "a network connection", "Open it inside the function"),
    ((threading.Thread,), "a thread", "Start it inside the function"),
    ((FrameType, TracebackType), "a traceback", "Pass its text"),
)
#: what is named as it is, whatever part of it is at fault
_KNOWN = (io.IOBase, *(each for types, _, _ in _REASONS for each in types))


def call_error(
    fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception
) -> NotSendable:
    """What keeps a call from travelling, by the argument's or the global's name."""
    if isinstance(error, NotSendable):
        return error
    search = _Search()
    for name, path, value in _arguments(fn, args, kwargs):
        if search.fails(value):
            return _told(f'Argument "{name}"', path, *search.deepest(value), error)
    if not isinstance(fn, str):
        return _told(f'Function "{_name(getattr(fn, "func", fn))}"', "", *search.deepest(fn), error)
    return NotSendable(f"The arguments of {fn!r} cannot be sent: {_reason_text(error)}.")


def argument_error(name: str, value: Any) -> NotSendable | None:
    """What would keep an argument from travelling, found without keeping its bytes; None where nothing does."""
    try:
        CallPickler(_Nowhere(), []).dump(value)
    except Exception as error:  # noqa: BLE001 - pickling runs code of others
        return call_error("", (), {name: value}, error)
    return None


def value_error(value: Any, error: Exception) -> NotSendable:
    """What keeps a result from travelling."""
    if isinstance(error, NotSendable):
        return error
    return _told("The result", "result", *_Search().deepest(value), error)


class _Search:
    """Pickles part after part into nothing, down to the smallest one that fails."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + SEARCH_LIMIT_S
        self._seen: set[int] = set()

    def fails(self, value: Any) -> bool:
        """Whether the value cannot be pickled."""
        try:
            TravelPickler(_Nowhere()).dump(value)
        except Exception:  # noqa: BLE001 - pickling runs code of others
            return True
        return False

    def deepest(self, value: Any) -> tuple[str, Any]:
        """The path below a failing value to its smallest failing part, and that part."""
        path, depth = "", 0
        while depth < _DEEPEST and not isinstance(value, _KNOWN) and (part := self._failing_part(value)) is not None:
            path, value, depth = path + part[0], part[1], depth + 1
        return path, value

    def _failing_part(self, value: Any) -> Part | None:
        self._seen.add(id(value))
        try:
            for suffix, part in _parts(value):
                if time.monotonic() > self._ends_at:
                    return None
                if id(part) not in self._seen and self.fails(part):
                    return suffix, part
        except Exception:  # noqa: BLE001 - reading parts runs code of others; the owner is then the part at fault
            return None
        return None


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: object) -> None:
        """Take the bytes, or the buffer of a large array."""


def _arguments(
    fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any]]:
    """Name, path and value of every argument; the name is the parameter's where it is known."""
    names = parameter_names(fn, len(args))
    for index, value in enumerate(args):
        yield (names[index] if index < len(names) else f"args[{index}]"), f"args[{index}]", value
    for name, value in kwargs.items():
        yield name, f"kwargs[{name!r}]", value


def parameter_names(fn: Callable[..., Any] | str, count: int) -> list[str]:
    """What a function calls its first `count` positional parameters, as far as it tells."""
    try:
        parameters = inspect.signature(fn).parameters.values() if callable(fn) else ()
    except (TypeError, ValueError):
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [each.name for each in parameters if each.kind in positional][:count]


def _parts(value: Any) -> Iterable[Part]:
    """What a value is made of when it is pickled."""
    for types, parts in _PARTS:
        if isinstance(value, types):
            return parts(value)
    return _state_parts(value)


def _items(value: dict[Any, Any]) -> Iterator[Part]:
    yield from ((f"[{_short(key)}]", item) for key, item in value.items())
    yield from ((" a key", key) for key in value)


def _elements(value: Sequence[Any]) -> Iterator[Part]:
    return ((f"[{index}]", item) for index, item in enumerate(value))


def _attributes(value: type | ModuleType) -> Iterator[Part]:
    return ((f".{name}", item) for name, item in vars(value).items() if not name.startswith("__"))


def _function_parts(function: FunctionType) -> Iterator[Part]:
    """The globals, closure variables and defaults a function takes along when it goes by value."""
    if not _goes_by_value(function):
        return
    found = inspect.getclosurevars(function)
    for name, value in {**found.globals, **_nested_globals(function)}.items():
        yield f' global "{name}"', value
    for name, value in found.nonlocals.items():
        yield f' variable "{name}"', value
    yield from ((f" default {index}", value) for index, value in enumerate(function.__defaults__ or ()))
    yield from ((f" default {name}", value) for name, value in (function.__kwdefaults__ or {}).items())
    yield from ((f".{name}", value) for name, value in vars(function).items())


def _goes_by_value(function: FunctionType) -> bool:
    module = sys.modules.get(function.__module__ or "")
    return module is None or function.__module__ == "__main__" or is_local(module) or "<" in function.__qualname__


def _nested_globals(function: FunctionType) -> dict[str, Any]:
    """Globals that only functions inside the function use."""
    found: dict[str, Any] = {}
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        waiting.extend(each for each in code.co_consts if isinstance(each, type(code)))
        found.update({name: function.__globals__[name] for name in code.co_names if name in function.__globals__})
    return found


def _state_parts(value: Any) -> Iterator[Part]:
    """The parts of an object by what it gives for pickling itself."""
    reduced = value.__reduce_ex__(5)
    if isinstance(reduced, str):
        return
    _, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    states = state if isinstance(state, tuple) and len(state) == 2 else (state,)  # noqa: PLR2004 - dict and slots
    for each in states:
        yield from ((f".{name}", part) for name, part in (each or {}).items()) if isinstance(each, dict) else ()
    yield from ((f"[{index}]", part) for index, part in enumerate(items or ()))
    yield from ((f"[{_short(key)}]", part) for key, part in pairs or ())
    yield from ((" a part", part) for part in arguments)
    yield from ((" its state", each) for each in states if each is not None and not isinstance(each, dict))


_PARTS: tuple[tuple[Any, Callable[[Any], Iterable[Part]]], ...] = (
    (dict, _items),
    ((list, tuple), _elements),
    ((set, frozenset), lambda value: [(" an item", item) for item in value]),
    (Guided, lambda value: [("", value.func), (" backoff", value.backoff)]),
    (partial, lambda value: [(".func", value.func), (".args", value.args), (".keywords", value.keywords)]),
    (MethodType, lambda value: [(".__self__", value.__self__), (".__func__", value.__func__)]),
    (FunctionType, _function_parts),
    ((type, ModuleType), _attributes),
)


def _told(subject: str, start: str, below: str, culprit: Any, error: Exception) -> NotSendable:
    """The sentence: what cannot be sent, what is at fault and where, and what to do."""
    what, advice = reason(culprit, error)
    path = f"{start}{below}".strip()
    near = "in its" if path.startswith(("global", "variable", "default")) else "at"
    verb, where = ("it holds", f" {near} {path}") if below else ("it is", "")
    return NotSendable(f"{subject} cannot be sent: {verb} {what}{where}. {advice}.", path=path)


def reason(culprit: Any, error: Exception) -> tuple[str, str]:
    """What the part at fault is, and what to do instead."""
    if isinstance(culprit, io.IOBase):
        name = getattr(culprit, "name", "")
        return f"an open file ({name})" if name else "an open file", "Close it, or pass its path"
    for types, what, advice in _REASONS:
        if isinstance(culprit, types):
            return what, advice
    kind = type(culprit)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.startswith("ipywidgets"):
        return f"a widget ({name})", "Pass its value"
    if isinstance(culprit, FunctionType | type | ModuleType):
        name = f"{kind.__name__} {_name(culprit)}"
    return f"what cannot be pickled: {name} ({_reason_text(error)})", "Create it inside the function, or leave it out"


def _reason_text(error: Exception) -> str:
    text = str(error).strip().rstrip(".") or type(error).__name__
    text = text.splitlines()[0]
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return shown if isinstance(error, PicklingError | TypeError) else f"{type(error).__name__}: {shown}"


def _name(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None) or type(thing).__qualname__
    return str(name)


def _short(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
