"""`@task`: a function with a name and default options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ParamSpec, Protocol, TypedDict, TypeVar, Unpack, overload

from nbqueue.client.submitter import OnDone
from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import Duration
from nbqueue.model.names import check_text, shown
from nbqueue.model.options import Isolation, OnParentFailure, RunIn, check
from nbqueue.model.presets import Preset
from nbqueue.model.retry import RetryPolicy
from nbqueue.model.task import Task, register

P = ParamSpec("P")
T = TypeVar("T")
Q = ParamSpec("Q")
U = TypeVar("U")


class GivenOptions(TypedDict, total=False):
    """The options of `options()`, as defaults of a task."""

    queue: str
    priority: str | int
    delay: Duration
    at: datetime
    expires: Duration
    timeout: Duration
    grace: Duration
    retry: RetryPolicy | int
    job_id: str
    run_in: RunIn
    isolation: Isolation
    memory: str | int
    keep_result: Duration
    keep_error: Duration
    tags: Sequence[str]
    label: str
    resources: Mapping[str, float]
    labels: Sequence[str]
    limit_key: str
    rate: str
    concurrency: int
    unique: Duration
    debounce: Duration
    cache: Duration
    force: bool
    after: Sequence[str]
    on_parent_failure: OnParentFailure
    batch: int
    preset: Preset
    on_done: OnDone | Sequence[OnDone]


class Registering(Protocol):
    """Turns a function into a task, keeping its signature."""

    def __call__(self, fn: Callable[P, T], /) -> Task[P, T]:
        """The task of `fn`."""
        ...


@overload
def task(fn: Callable[P, T], /) -> Task[P, T]: ...
@overload
def task(name: str | None = None, /, **options: Unpack[GivenOptions]) -> Registering: ...
@overload
def task(*, name: str, **options: Unpack[GivenOptions]) -> Registering: ...
def task(
    fn: Callable[P, T] | str | None = None, /, *, name: str | None = None, **options: Unpack[GivenOptions]
) -> Task[P, T] | Registering:
    """Register a function under a name and give it default options: `@task`, or `@task(name="solve", timeout=60)`.

    It is called as it was. `submit(solve, ...)` sends its code; `submit("solve", ...)` runs the one on the workers.

    Args:
        fn: the function, or the name to register it under.
        name: the name to register it under; the function's qualified name if not given.
        options: as those of `options()`; what is given at a submit wins.
    """
    check(**options)
    if fn is not None and not isinstance(fn, str):
        return register(_function(fn), name, dict(options))
    given = name if fn is None else fn
    if given:
        check_text(given, "name")

    def registering(fn: Callable[Q, U], /) -> Task[Q, U]:
        return register(_function(fn), given, dict(options))

    return registering


def _function(fn: Callable[P, T]) -> Callable[P, T]:
    """The function, or one sentence about what it is instead."""
    if callable(fn):
        return fn
    raise ConfigurationError(f"task({shown(fn)}) cannot be used: give a function, or the name to register it under.")
