"""Whether a function can be called with these arguments: looked at before a job waits for a worker to tell."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from nbqueue.errors import NotSendable
from nbqueue.model.foresight import meant_by
from nbqueue.model.options import Options
from nbqueue.model.other_names import meant
from nbqueue.model.task import function_label

_OPTIONS = frozenset(Options.__dataclass_fields__)


class _Default:
    """Stands for a default."""

    def __repr__(self) -> str:
        return "..."


_DEFAULT = _Default()


def check_call(fn: Callable[..., Any] | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise NotSendable for arguments that the function does not take.

    Only what Python itself goes by counts, so that nothing is refused that would run: what a decorator copied to its
    wrapper (`functools.wraps`) says nothing of the wrapper, and of a registered name nothing is known here.
    """
    if type(fn) is partial:  # one of another class may be called otherwise
        check_call(fn.func, (*fn.args, *args), {**fn.keywords, **kwargs})
        return
    if isinstance(fn, str) or _fits_by_number(fn, args, kwargs) or not _is_plain(fn):
        return
    try:
        signature = inspect.signature(fn, follow_wrapped=False)
    except (TypeError, ValueError):
        return  # not every built-in function has one
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        name = function_label(fn)
        raise NotSendable(
            f"{name} cannot be called so: {error}. It takes {_shown(signature)}.{_hint(fn, kwargs, signature)}"
        ) from None


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


def _hint(fn: Callable[..., Any], kwargs: Mapping[str, Any], signature: inspect.Signature) -> str:
    """What was meant by a name that it does not have: an option of the job, or another argument."""
    unknown = [name for name in kwargs if name not in signature.parameters]
    options = [name for name in unknown if name in _OPTIONS]
    if options:
        return f" Options of the job are given as in nbqueue.options({options[0]}=...).submit(...)."
    found = next(filter(None, (meant(name, _by_name(signature)) for name in unknown)), "")
    found = found or next((meant_by(fn, name) for name in unknown), "")
    return f" {found[0].upper()}{found[1:]}" if found else ""


def _by_name(signature: inspect.Signature) -> list[str]:
    """The arguments that can be given by name."""
    kinds = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    return [each.name for each in signature.parameters.values() if each.kind in kinds]
