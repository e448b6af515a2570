"""The initializer of an executor: called once in each process that runs its jobs, before the first of them."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from nbqueue.model.names import new_job_id
from nbqueue.model.task import is_async

#: what each job brings itself
_CODE = (FunctionType, ModuleType, type)
_calling = threading.Lock()


class InitializerFailed(BrokenExecutor):
    """The initializer raised in a process of a worker, so that nothing of its executor can run there."""


@dataclass(frozen=True, kw_only=True)
class Initialized:
    """What an initializer left in this process."""

    failure: BaseException | None = None
    #: global variables that it set or uses: code that travels brings a namespace of its own with each job
    names: Mapping[str, Any] = field(default_factory=dict)


#: initializers that this process has called
_called: dict[str, Initialized] = {}


@dataclass(frozen=True, kw_only=True)
class Initializer:
    """An initializer as it travels with each job."""

    #: tells the executor from others
    name: str
    call: Callable[..., object]
    arguments: Sequence[Any]

    def before(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The function, to be called after this."""
        return (AfterAsync if is_async(fn) else After)(self, fn)

    def ensure(self) -> None:
        """Call it where this process has not yet. Raises InitializerFailed where it failed, then or now."""
        with _calling:
            known = _called.get(self.name)
            if known is None:
                known = _called[self.name] = self._called()
        if known.failure is not None:
            what = f"{type(known.failure).__name__}: {known.failure}"
            raise InitializerFailed(f"The initializer of the executor failed: {what}") from known.failure
        if isinstance(self.call, FunctionType):
            self.call.__globals__.update(known.names)

    def _called(self) -> Initialized:
        space = self.call.__globals__ if isinstance(self.call, FunctionType) else {}
        before = dict(space)
        try:
            self.call(*self.arguments)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nothing can run here
            return Initialized(failure=error)
        used = self.call.__code__.co_names if isinstance(self.call, FunctionType) else ()
        changed = [name for name, value in space.items() if name not in before or before[name] is not value]
        names = {name: space[name] for name in (*changed, *used) if name in space}
        return Initialized(names={name: value for name, value in names.items() if not isinstance(value, _CODE)})


class After:
    """A function that is called after the initializer; it has the function's name."""

    def __init__(self, initializer: Initializer, fn: Callable[..., Any]) -> None:
        self.initializer = initializer
        self.fn = fn
        self.__qualname__ = str(getattr(fn, "__qualname__", type(fn).__qualname__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        self.initializer.ensure()
        return self.fn(*args, **kwargs)


class AfterAsync(After):
    """The same for a coroutine function."""

    fn: Callable[..., Awaitable[Any]]

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        self.initializer.ensure()
        return await self.fn(*args, **kwargs)


def initializer_of(call: object, arguments: Sequence[Any]) -> Initializer | None:
    """An initializer, where there is one; tqdm's shares a lock within one machine, and is left out."""
    if call is None or _is_of_tqdm(call):
        return None
    if not callable(call):
        raise TypeError("initializer must be a callable")
    return Initializer(name=new_job_id(), call=call, arguments=tuple(arguments))


def _is_of_tqdm(call: object) -> bool:
    owner = getattr(call, "__self__", None)
    return getattr(call, "__name__", "") == "set_lock" and isinstance(owner, type) and hasattr(owner, "get_lock")
