"""What code that knows no client needs of one: to submit, to hold what was submitted, to show it; given from above."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import Duration
from nbqueue.model.events import Event
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Waited(Protocol[T_co]):
    """Something that is awaited in an event loop, or waited for in a thread."""

    def __await__(self) -> Generator[Any, None, T_co]: ...

    def wait(self, timeout: Duration | None = None) -> T_co:
        """The answer, for code that cannot await. Raises TimeoutError where it takes longer; it goes on."""
        ...


class Undertaking(Waited[T_co], Protocol[T_co]):
    """Work of this process that is under way, and may be ended before it is through."""

    def done(self) -> bool:
        """Whether it is over."""
        ...

    def cancel(self) -> None:
        """End it now: its jobs are cancelled. Who waits for it has what there is then, or JobCancelled."""
        ...


class Steps(Protocol[T_co]):
    """Things that come one after another: `async for`, or `for` in sync code."""

    def __aiter__(self) -> AsyncIterator[T_co]: ...

    def __iter__(self) -> Iterator[T_co]: ...

    def close(self) -> None:
        """Take no more."""
        ...


class Handle(Waited[T_co], Protocol[T_co]):
    """The handle of one job: awaited it gives the result, or raises the job's error."""

    @property
    def id(self) -> str:
        """Names it in the server."""
        ...

    @property
    def label(self) -> str:
        """Its label, or its function's name."""
        ...

    @property
    def existed(self) -> bool:
        """Whether the server knew a job of this id when this handle submitted it."""
        ...

    def state(self) -> Waited[State]:
        """Where it stands now."""
        ...

    def info(self) -> Waited[JobRecord]:
        """All that is known of it now."""
        ...

    def events(self) -> Steps[Event]:
        """What happens to it: changes, progress, metrics and log lines, until it has ended."""
        ...

    def cancel(self) -> Waited[str]:
        """Stop it: "cancelled", "already finished" or "requested"."""
        ...

    def retry(self) -> Waited[Handle[T_co]]:
        """A new job of the same function, arguments and options."""
        ...

    def delete(self) -> Waited[str]:
        """Forget it: "deleted", or "running" where it goes on."""
        ...


class Group(Waited[Sequence[T_co]], Protocol[T_co]):
    """The handle of many jobs of one function, in the order of their arguments."""

    @property
    def id(self) -> str:
        """Names it in the records of its jobs."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Handle[T_co]]: ...

    def as_completed(self) -> Steps[Handle[T_co]]:
        """Its jobs in the order in which they end."""
        ...

    def results(self, *, return_errors: bool = False) -> Waited[list[Any]]:
        """The results once all have ended; with `return_errors`, errors stand in their places."""
        ...

    def cancel(self) -> Waited[Mapping[str, int]]:
        """Stop all of them; how many are "cancelled", "already finished" or "requested"."""
        ...

    def frame(self) -> Waited[Any]:
        """A pandas frame with a row a job, once all have ended."""
        ...


class Submitting(Protocol):
    """Submits, with the options it was made with."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Waited[Handle[Any]]:
        """The handle of a new job that calls `fn`, once the server has accepted it."""
        ...

    def submit_map(self, fn: Callable[..., Any], /, *iterables: Iterable[Any]) -> Waited[Group[Any]]:
        """The handle of a group of new jobs, one for each item, paired as by `map`."""
        ...


class Door(Protocol):
    """The way to the queue for code that knows no client."""

    def options(self, given: Mapping[str, Any], /) -> Submitting:
        """What submits with these options, by their names as `nbqueue.options` has them."""
        ...

    def attach(self, job_id: str, /) -> Waited[Handle[Any]]:
        """The handle of a job by its id. Raises JobLost where the server knows none."""
        ...

    def kept(self, job_id: str, /, *, beside: str | None = None) -> Waited[Any]:
        """What a job's code kept last with `checkpoint`, also a day after it ended without success; None: nothing.

        With `beside`, the bytes that a library kept beside that by this name.
        """
        ...

    def digest(self, fn: Callable[..., Any], /, *args: Any) -> str:
        """Tells the same calls from others, in all processes and after a restart: 64 hex digits.

        Raises NotSendable for what has no value that would be the same elsewhere.
        """
        ...

    def begin(self, act: Callable[[], T], what: str, /, *, cancel: Callable[[], object]) -> Undertaking[T]:
        """What `act()` gives, called in a thread of its own, and what has it end before.

        `what` names it at the beginning of a sentence.
        """
        ...

    def show(self, subject: Any, /) -> None:
        """Show the live card of a job or group below the running cell; nothing happens where there is none."""
        ...


#: set once at the top of the package
_door: Door | None = None


def use_submitting(found: Door | None) -> None:
    """Submit by this from now on."""
    global _door  # noqa: PLW0603 - the one place where it is set
    _door = found


def door() -> Door:
    """The way to the queue."""
    if _door is None:
        raise ConfigurationError("There is no client here to submit jobs with: import nbqueue first.")
    return _door
