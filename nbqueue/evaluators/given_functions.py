"""Functions that the user gave, to be called again and again: looked at before the first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType, MethodType
from typing import Any

from nbqueue.errors import ConfigurationError, NotSendable
from nbqueue.model.names import shown
from nbqueue.model.signatures import check_call
from nbqueue.model.task import Task

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def check_function(
    fn: Any, what: str, wanted: str, args: tuple[Any, ...], kwargs: Mapping[str, Any] = _NOTHING
) -> Callable[..., Any]:
    """The function; raises ConfigurationError for what is none, or surely cannot be called so.

    Args:
        fn: what was given.
        what: the argument it was given as.
        wanted: what it is to be, for example "a function of an item".
        args: stand for what it is called with.
        kwargs: the same by name.
    """
    function: Callable[..., Any] = fn
    if not callable(fn):
        raise ConfigurationError(f"{what}={shown(fn)} cannot be called: give {wanted}.")
    try:
        check_call(_called(fn), args, kwargs)
    except NotSendable as misfit:
        raise ConfigurationError(f"{what} cannot be used, give {wanted}: {misfit}") from None
    return function


def _called(fn: Any) -> Any:
    """What Python calls: of a task its function, of any other object the method of its class."""
    while isinstance(fn, Task):
        fn = fn.fn
    method = getattr(fn, "__call__", None)  # noqa: B004 - wanted for itself
    is_own = isinstance(method, MethodType) and not isinstance(fn, FunctionType | MethodType | type)
    return method if is_own else fn
