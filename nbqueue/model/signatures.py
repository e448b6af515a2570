"""Whether a function can be called with these arguments: looked at before a job waits for a worker to tell."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from nbqueue.errors import NotSendable
from nbqueue.model.foresight import meant_by
from nbqueue.model.options import Options
from nbqueue.model.other_names import meant
from nbqueue.model.task import function_label

P = ParamSpec("P")
T = TypeVar("T")

_OPTIONS = frozenset(Options.__dataclass_fields__)


class _Default:
    """Stands for a default."""

    def __repr__(self) -> str:
        return "..."


_DEFAULT = _Default()
#: what is called in the end, by what `guiding` has made of it
_behind: WeakKeyDictionary[FunctionType, Callable[..., Any]] = WeakKeyDictionary()


def guiding(fn: Callable[P, T]) -> Callable[P, T]:
    """A decorator: where the function itself is called with a name that it does not have, it says what was meant."""
    signature = inspect.signature(fn)
    names = frozenset(_by_name(signature))

    @wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if not names.issuperset(kwargs):
            raise TypeError(_unfit(fn, args, kwargs, signature) + _meant(call, kwargs, signature))
        return fn(*args, **kwargs)

    if isinstance(call, FunctionType):
        _behind[call] = fn
    return call


def check_call(fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise NotSendable for arguments that the function does not take.

    Only what Python itself goes by counts, so that nothing is refused that would run: what a decorator copied to its
    wrapper (`functools.wraps`) says nothing of the wrapper, and of a registered name nothing is known here.
    """
    if type(fn) is partial:  # one of another class may be called otherwise
        check_call(fn.func, (*fn.args, *args), {**fn.keywords, **kwargs})
        return
    asked = fn
    if isinstance(fn, FunctionType):
        fn = _behind.get(fn, fn)
    if isinstance(fn, str) or _fits_by_number(fn, args, kwargs) or not _is_plain(fn):
        return
    try:
        signature = inspect.signature(fn, follow_wrapped=False)
    except (TypeError, ValueError):
        return  # not every built-in function has one
    if wrong := _unfit(fn, args, kwargs, signature):
        raise NotSendable(wrong + _hint(asked, kwargs, signature))


def _unfit(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], signature: inspect.Signature) -> str:
    """Why it cannot be called with these; empty where it can."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        return f"{function_label(fn)} cannot be called so: {error}. It takes {_shown(signature)}."
    return ""


def _fits_by_number(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a function of Python surely takes them; quickly told, and so it is with most."""
    if kwargs or type(fn) is not FunctionType or fn.__code__.co_kwonlyargcount:
        return False
    most = fn.__code__.co_argcount
    return most - len(fn.__defaults__ or ()) <= len(args) <= most


def _is_plain(fn: Callable[..., Any]) -> bool:
    """Whether what Python tells of its arguments is what it goes by."""
    while isinstance(fn, MethodType):
        fn = fn.__func__
    if isinstance(fn, BuiltinFunctionType):
        return (fn.__module__ or "").partition(".")[0] in sys.stdlib_module_names
    return type(fn) is FunctionType and not hasattr(fn, "__signature__")


def _shown(signature: inspect.Signature) -> inspect.Signature:
    """The names alone: what a default or a type says of itself may be long, and is code of others."""
    named = [
        each.replace(annotation=each.empty, default=each.default if each.default is each.empty else _DEFAULT)
        for each in signature.parameters.values()
    ]
    return signature.replace(parameters=named, return_annotation=signature.empty)


def _hint(fn: Callable[..., Any] | str, kwargs: Mapping[str, Any], signature: inspect.Signature) -> str:
    """What was meant by a name that it does not have: an option of the job, or another argument."""
    options = [name for name in kwargs if name not in signature.parameters and name in _OPTIONS]
    if options:
        return f" Options of the job are given as in nbqueue.options({options[0]}=...).submit(...)."
    return _meant(fn, kwargs, signature)


def _meant(fn: Callable[..., Any] | str, kwargs: Mapping[str, Any], signature: inspect.Signature) -> str:
    """The argument that was meant by a name that it does not have."""
    unknown = [name for name in kwargs if name not in signature.parameters]
    found = next(filter(None, (meant(name, _by_name(signature)) for name in unknown)), "")
    found = found or next((meant_by(fn, name) for name in unknown), "")
    return f" {found[0].upper()}{found[1:]}" if found else ""


def _by_name(signature: inspect.Signature) -> list[str]:
    """The arguments that can be given by name."""
    kinds = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    return [each.name for each in signature.parameters.values() if each.kind in kinds]
