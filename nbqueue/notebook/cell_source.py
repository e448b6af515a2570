"""The text of a cell, made into code that can run on a worker, or refused with its line."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from nbqueue.broker.unsendable import argument_error
from nbqueue.errors import NotSendable
from nbqueue.inside.cells import FLAGS
from nbqueue.notebook.cell_names import CellNames, names_of
from nbqueue.notebook.cell_unknown import unknown_names
from nbqueue.notebook.slips import refuse

#: the line of the magic itself stands above the code
_ABOVE = 1
_LABEL_LENGTH = 60
#: what comes along with a cell even where it is told which names to take
_CODE = (ModuleType, FunctionType, BuiltinFunctionType, type)

#: how the name of an argument is told where what is at fault is a part of it
_KEYWORD = re.compile(r"kwargs\['(\w+)'\]")
#: what helps in a cell, by what is told of arguments
_THERE = "in the cell itself"
_INSTEAD = {"inside the function": _THERE, "Close it, or pass its path": f"Open it {_THERE}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSource:
    """Code that was read, and runs nowhere yet."""

    #: the code, its lines where the notebook counts them
    text: str
    #: the file it is compiled as
    name: str
    names: CellNames
    #: whether it awaits outside of functions
    awaits: bool
    #: whether a semicolon stands behind its last expression
    quiet: bool
    #: what its card shows where it was given no other name
    label: str


def read(cell: str, shell: Any) -> CellSource:
    """Read a cell as the notebook would.

    Raises:
        SyntaxError: it is no Python; points at the line.
        UsageError: it is empty, or asks for something that only a notebook has.
    """
    if not cell.strip():
        refuse("%%job: there is no code below it.")
    lines = cell.splitlines()
    empty = next(number for number, line in enumerate(lines) if line.strip())
    text = "\n" * (_ABOVE + empty) + shell.transform_cell(cell)
    number = len(shell.history_manager.input_hist_raw) - 1
    name = shell.compile.cache(text, number)
    tree = ast.parse(text, name)
    _refuse_magics(tree, lines)
    code = compile(tree, name, "exec", FLAGS, dont_inherit=True)
    return CellSource(
        text=text, name=name, names=names_of(tree),
        awaits=bool(code.co_flags & inspect.CO_COROUTINE), quiet=_is_quiet(text, tree),
        label=_label(number, lines, tree),
    )  # fmt: skip


def inputs(source: CellSource, shell: Any, asked: list[str] | None) -> dict[str, Any]:
    """What the cell takes along: what it reads, or the names asked for and the modules, functions and classes it reads.

    Raises UsageError for a name that is not there, and for what only a notebook has.
    """
    found = {name: shell.user_ns[name] for name in source.names.reads if _is_own(name, shell)}
    if "display" in source.names.reads and "display" not in found:
        refuse(
            "%%job: the code uses display(), and there is no notebook on a worker. Print it, or hand it back with -o "
            "and show it in another cell."
        )
    if asked is None:
        return found
    missing = [name for name in asked if name not in shell.user_ns]
    if missing:
        refuse(f"%%job: -i names {', '.join(missing)}, and the notebook has no such name: leave it out, or define it.")
    code = {name: value for name, value in found.items() if isinstance(value, _CODE)}
    return {**code, **{name: shell.user_ns[name] for name in asked}}


def check_names(source: CellSource, shell: Any) -> None:
    """Raise UsageError for names that the cell surely reads and that are nowhere; of others the job will tell."""
    found = unknown_names(ast.parse(source.text), source.names, shell.user_ns)
    if found:
        names, (line, *_) = ", ".join(found), found.values()
        verb, it = ("is", "it") if len(found) == 1 else ("are", "them")
        refuse(
            f"%%job: the code reads {names} (line {line}), which {verb} defined neither there nor in the notebook: "
            f"define or import {it} here or in the cell."
        )


def check_inputs(source: CellSource, shell: Any, taken: dict[str, Any], asked: list[str]) -> None:
    """Raise UsageError for names of the notebook that the cell surely reads and does not take along."""
    found = unknown_names(ast.parse(source.text), source.names, shell.user_ns, taken)
    for name, line in found.items():
        if error := argument_error(name, shell.user_ns.get(name)):
            refuse(f"%%job: the code reads {name} (line {line}), and -i leaves it out. {in_words(error)}")
    if found:
        names, (line, *_) = ", ".join(found), found.values()
        it, all_names = "it" if len(found) == 1 else "them", ",".join((*asked, *found))
        refuse(
            f"%%job: the code reads {names} (line {line}), and -i leaves {it} out: write -i {all_names}, or no -i, to "
            "take along all that it reads."
        )


def in_words(error: NotSendable) -> str:
    """Why a name cannot come along, and what helps, in the words of a cell: what the code reads is no argument."""
    told = _KEYWORD.sub(r"\1", str(error).replace("Argument ", "The name ", 1))
    for words, instead in _INSTEAD.items():
        told = told.replace(words, instead)
    if ' global "' in error.path:
        return f"{told} Define the function there too."
    return told if _THERE in told else f"{told} Or make it {_THERE}."


def left_out(source: CellSource, shell: Any, taken: dict[str, Any]) -> tuple[str, ...]:
    """Names of the notebook that the cell may read and does not take along."""
    return tuple(name for name in source.names.reads if _is_own(name, shell) and name not in taken)


def check_outputs(source: CellSource, taken: dict[str, Any], asked: list[str]) -> None:
    """Raise UsageError for a name that the cell cannot hand back: it neither assigns it nor takes it along."""
    unknown = [name for name in asked if name not in source.names.assigns and name not in taken]
    if unknown and not source.names.is_open:
        refuse(f"%%job: -o names {', '.join(unknown)}, which the code below never assigns.")


def _label(number: int, lines: list[str], tree: ast.Module) -> str:
    """The number of the cell, and the first line that does something."""
    first = next((node.lineno - _ABOVE for node in tree.body if not _is_preparing(node)), 0)
    label = f"cell [{number}]" + (f": {lines[first - 1].strip()}" if 0 < first <= len(lines) else "")
    return label if len(label) <= _LABEL_LENGTH else label[: _LABEL_LENGTH - 3] + "..."


def _is_preparing(node: ast.stmt) -> bool:
    """Whether a statement only names something: imports, definitions, constants, a text that says what it is about."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return node.value is None or not any(isinstance(part, ast.Name) for part in ast.walk(node.value))
    return isinstance(
        node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Pass
    ) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_own(name: str, shell: Any) -> bool:
    """Whether a name is the user's: not one of Python's or IPython's own."""
    if name not in shell.user_ns or (name.startswith("__") and name.endswith("__")):
        return False
    value = shell.user_ns[name]
    return not (callable(value) and shell.user_ns_hidden.get(name) is value)


def _refuse_magics(tree: ast.Module, lines: list[str]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "get_ipython":
            at = node.lineno - _ABOVE
            text = lines[at - 1].strip() if at <= len(lines) else "get_ipython()"
            refuse(
                f"%%job: line {node.lineno}, {text!r}, needs the notebook, and there is none on a worker: put it into "
                "another cell, or write it in Python (subprocess.run for a command)."
            )


def _is_quiet(text: str, tree: ast.Module) -> bool:
    """Whether a semicolon stands behind the last statement, which in a notebook shows nothing then."""
    last = tree.body[-1] if tree.body else None
    if last is None or last.end_lineno is None or last.end_col_offset is None:
        return False
    line, *below = text.splitlines()[last.end_lineno - 1 :]
    rest = line.encode()[last.end_col_offset :].decode()
    return "\n".join((rest, *below)).lstrip().startswith(";")
