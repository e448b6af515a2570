"""The results of other jobs that a call takes: a pickled call names them, and loading it puts the values in place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn

from nbqueue.errors import JobFailed, NotSendable

#: says that the items of lists are meant
FLAT = "flat"
#: characters of an id that are said
_SHOWN = 60


class Problem(NamedTuple):
    """What is told of a job that gave no result."""

    #: class name of its error, or of the error its handle raises
    error_type: str
    message: str
    #: the traceback as its worker saw it; may be empty
    traceback: str = ""


class Input(NamedTuple):
    """What a job left for those that take its result."""

    #: the value, encoded; it was verified
    payload: bytes | memoryview = b""
    codec: str = "pickle"
    #: stands in the value's place where there is none
    problem: Problem | None = None


class Inputs:
    """The results at hand while one call is loaded; each is loaded once, and is the same object wherever it stands."""

    def __init__(self, found: Mapping[str, Input], load: Callable[[bytes | memoryview], Any]) -> None:
        self._found = found
        self._load = load
        self._values: dict[object, Any] = {}

    def take(self, wanted: object, *, flat: bool = False) -> Any:
        """The result of the job of an id, or the list of those of a tuple of ids; `flat`: of the items of these."""
        if not isinstance(wanted, str | tuple):
            _refuse(wanted, "and that is no id")
        key = (flat, wanted)
        if key not in self._values:
            self._values[key] = self._one(wanted) if isinstance(wanted, str) else [*map(self.take, wanted)]
            if flat:
                self._values[key] = items_of(self._values[key])
        return self._values[key]

    def _one(self, job_id: str) -> Any:
        found = self._found.get(job_id)
        if found is None:
            _refuse(job_id, "which its header does not name")
        if found.problem is not None:
            kind, message, traceback = found.problem
            text = f"{kind}: {message}" if message else kind
            return JobFailed(text, job_id=job_id, error_type=kind, remote_traceback=traceback)
        if found.codec == "json":
            return json.loads(bytes(found.payload))
        with given(None):  # a result takes nothing itself
            try:
                return self._load(found.payload)
            except NotSendable as error:
                raise NotSendable(f"The result of job {job_id} cannot be taken: {error}") from error


def items_of(values: Sequence[Any]) -> list[Any]:
    """The results of jobs as those of items: a batch gives those of its own, or its one error."""
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


_GIVEN: ContextVar[Inputs | None] = ContextVar("nbqueue-inputs", default=None)


@contextmanager
def given(inputs: Inputs | None) -> Iterator[None]:
    """What is loaded in this block takes its results from `inputs`; None: it can take none."""
    token = _GIVEN.set(inputs)
    try:
        yield
    finally:
        _GIVEN.reset(token)


class _Take:
    """What a pickled call names in the place of a handle. It has nothing that a pickle could write to."""

    __slots__ = ()
    __module__ = __name__

    def __call__(self, wanted: object, how: object = None) -> Any:
        """What was asked for, of the call that is being loaded."""
        here = _GIVEN.get()
        if here is None:
            if wanted == ():
                return []  # of an empty group
            _refuse(wanted, "which only the call of a job can do")
        return here.take(wanted, flat=how == FLAT)

    def __reduce__(self) -> str:
        return "take"


take = _Take()


def _refuse(wanted: object, why: str) -> NoReturn:
    text = ascii(wanted)
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    raise NotSendable(f"It takes the result of job {shown}, {why}: submit the job with the handle among its arguments.")
