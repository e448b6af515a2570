"""A cell of a notebook as a job: runs its code as a notebook does, gives its last value and hands names back."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from nbqueue.inside.context import current

#: how a cell's code is compiled: with `await` outside of functions
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
#: takes the value of a last expression
_VALUE = "_nbqueue_value"

#: takes the id of a job, and the names that it hands back
Taker = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The code of a cell, on its way to a worker."""

    #: the code, its lines where the notebook counts them
    source: str
    #: the file it is compiled as
    name: str
    #: a function of the notebook: the cell runs in its globals, which are those of all functions that come with it
    anchor: FunctionType
    #: names whose values are handed back
    outputs: tuple[str, ...] = ()
    #: whether the last expression is of no interest: it had a semicolon
    quiet: bool = False
    #: who takes what is handed back
    ticket: str = ""
    #: what tracebacks call it; the file if not given
    called: str = ""
    #: names that the notebook has, and that it may read though they were not taken along
    left_out: tuple[str, ...] = ()


def cell(it: Cell, /, **inputs: Any) -> Any:
    """Run a cell with these names; the value of its last expression."""
    code, names = _prepared(it, inputs)
    try:
        exec(code, names)  # noqa: S102 - running the user's code is what this is for
    except NameError as error:
        _hint(error, it)
        raise
    return _handed(it, names)


async def async_cell(it: Cell, /, **inputs: Any) -> Any:
    """The same of a cell that awaits."""
    code, names = _prepared(it, inputs)
    try:
        running = eval(code, names)  # noqa: S307 - as above
        if inspect.isawaitable(running):
            await running
    except NameError as error:
        _hint(error, it)
        raise
    return _handed(it, names)


@contextmanager
def taking(names: dict[str, Any]) -> Iterator[None]:
    """Put what is handed back into `names` while the block runs, whoever else would take it."""
    token = _taken.set(names)
    try:
        yield
    finally:
        _taken.reset(token)


def expect(ticket: str, take: Taker) -> None:
    """From now on, give what comes with this ticket to `take`, in the thread that unpickles it."""
    _takers[ticket] = take


def forget(ticket: str) -> None:
    """What comes with this ticket is for nobody from now on."""
    _takers.pop(ticket, None)


#: ticket -> who takes what comes with it
_takers: dict[str, Taker] = {}
_taken: ContextVar[dict[str, Any] | None] = ContextVar("nbqueue_taken", default=None)


class _Handed:
    """The result of a cell with names to hand back: unpickled, it is the value alone."""

    def __init__(self, value: Any, outputs: Mapping[str, Any], ticket: str) -> None:
        self._parts = (value, outputs, ticket, _job_id())

    def __reduce__(self) -> tuple[Any, ...]:
        return _hand_over, self._parts


def _hand_over(value: Any, outputs: Mapping[str, Any], ticket: str, job_id: str) -> Any:
    names, take = _taken.get(), _takers.get(ticket)
    if names is not None:
        names.update(outputs)
    elif take is not None:
        take(job_id, outputs)
    return value


def _job_id() -> str:
    job = current()
    return job.info.id if job is not None else ""


def _prepared(it: Cell, inputs: Mapping[str, Any]) -> tuple[CodeType, dict[str, Any]]:
    """The compiled code, and the names that it runs with."""
    lines = it.source.splitlines(keepends=True)
    # a job that waited while nbqueue was upgraded may lack what was added
    called = getattr(it, "called", "") or it.name
    linecache.cache[it.name] = (len(it.source), None, lines, called)
    names = it.anchor.__globals__
    names.update(inputs)
    tree = ast.parse(it.source, it.name)
    if not it.quiet:
        _keep_value(tree)
    return compile(tree, it.name, "exec", FLAGS, dont_inherit=True), names


def _hint(error: NameError, it: Cell) -> None:
    """Say of a name that only the notebook has why it is not here."""
    if type(error) is NameError and error.name in getattr(it, "left_out", ()):
        error.add_note(f"The notebook has {error.name}, and %%job -i left it out: name it there too.")


def _keep_value(tree: ast.Module) -> None:
    """Let the last expression, where the code ends with one, be assigned."""
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        target = ast.copy_location(ast.Name(_VALUE, ast.Store()), last)
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)


def _handed(it: Cell, names: dict[str, Any]) -> Any:
    value = names.pop(_VALUE, None)
    if not it.outputs:
        return value
    return _Handed(value, {name: names[name] for name in it.outputs if name in names}, it.ticket)
