"""A call of any function that solves: progress is read from the solver's log, everything else is the function's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from nbqueue.errors import ConfigurationError
from nbqueue.inside.context import current
from nbqueue.inside.reporting import progress, report
from nbqueue.model import foresight
from nbqueue.model.foresight import Given, foresees
from nbqueue.model.signatures import check_call
from nbqueue.model.task import Task, function_label, is_async
from nbqueue.solvers.capture import captured
from nbqueue.solvers.logs import Log, Reading

P = ParamSpec("P")
T = TypeVar("T")

_FULL = 100


def _check(given: Given) -> None:
    """Raise for what is no function, and for arguments that it does not take or knows to be wrong."""
    if "fn" not in given:
        return
    fn = _function(given["fn"])
    args, kwargs = given.get("args", ()), given.get("kwargs", {})
    check_call(fn, args, kwargs)
    foresight.check(fn, args, kwargs)


def _label(given: Given) -> str:
    """The call of the function, by its own label or the last part of its name."""
    if "fn" not in given:
        return "call"
    fn = _function(given["fn"])
    own = foresight.label(fn, [(given.get("args", ()), given.get("kwargs", {}))])
    return f"call {own or function_label(fn).rpartition('.')[2]}"


@foresees(check=_check, label=_label)
def call(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that solves something, and report how its solver gets on; gives what the function gives.

    What is reported (objective, bound, gap, solutions, and the closed part of the gap as progress) comes from the log
    that HiGHS, SCIP or CBC write to standard output, so the solver has to be told to write it: `disp=True` for scipy,
    `tee=True` for Pyomo, `verbose=True` for CVXPY; PuLP does so unasked. In a job the log is the job's log as well.

    Such solvers cannot be asked to stop: a cancel or a time limit of the job ends its processes. Give the solver a time
    limit of its own, shorter than the job's, and the function returns what was found by then.

    Args:
        fn: the function; a plain one, no coroutine function.
        *args: its arguments.
        **kwargs: its keyword arguments.

    Raises:
        ConfigurationError: `fn` is no plain function.
    """
    _function(fn)
    watch = _Watch()
    try:
        with captured(watch.take):
            return fn(*args, **kwargs)
    finally:
        watch.close()


def _function(fn: Any) -> Callable[..., Any]:
    """The function; raises for anything else."""
    found = fn.fn if isinstance(fn, Task) else fn
    if not callable(found) or is_async(found):
        raise ConfigurationError(
            f"solvers.call got {fn!r}, which is no plain function: give one that solves something when it is called, "
            "and its arguments after it."
        )
    return found


class _Watch:
    """Reports what the log says."""

    def __init__(self) -> None:
        self._log = Log()
        self._solves = 0
        self._shown = 0
        self._job = job = current()
        #: whether something else moves the job's own bar, so that this has one below it
        self._is_part = job is not None and (bool(job.tracked) or job.reports.is_moving)
        self._bar: str | None = None

    def take(self, line: str) -> None:
        """Take a line of the log."""
        reading = self._log.feed(line)
        if reading is None:
            return
        if self._log.solves != self._solves:
            self._solves, self._shown = self._log.solves, 0
        self._tell(reading)

    def close(self) -> None:
        """There is no more."""
        if self._job is not None and self._bar is not None:
            self._job.reports.end_bar(self._bar)

    def _tell(self, known: Reading) -> None:
        report(objective=known.objective, bound=known.bound, gap=known.gap, solutions=known.solutions)
        if known.gap is None:
            return
        # the bar is what is closed of the gap
        self._shown = max(self._shown, round(_FULL * (1 - min(known.gap, 1.0))))
        self._bar = self._log.solver if self._is_part else None
        progress(self._shown, _FULL, bar=self._bar)
