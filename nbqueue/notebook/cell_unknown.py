"""Names that a cell surely reads and that are nowhere: found before anything is sent."""

from __future__ import annotations

import ast
import builtins
import gc
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from nbqueue.notebook.cell_names import CellNames, stored_globals

Names = frozenset[str]

#: what may put names in place that no assignment shows
_OPENING = frozenset({
    "exec", "eval", "compile", "globals", "locals", "vars", "setattr", "builtins", "__builtins__", "__dict__",
    "__main__", "modules", "_getframe", "currentframe", "f_globals", "install", "init_session",
    "var", "vring", "vfield",
})  # fmt: skip
_WORD = re.compile(r"\w+")


def unknown_names(
    tree: ast.Module, names: CellNames, namespace: Mapping[str, Any], taken: Collection[str] | None = None
) -> dict[str, int]:
    """Names that the cell reads whatever happens, and that neither it nor the notebook has; the line of each.

    A name that something might yet put in place is none of them.

    Args:
        tree: the code.
        names: its names.
        namespace: the notebook's.
        taken: those of them that the cell has; None: all.
    """
    if names.is_open or not _OPENING.isdisjoint(_words(tree)):
        return {}
    known = names.assigns | set(namespace if taken is None else taken) | set(dir(builtins))
    found: dict[str, int] = {}
    for node in _sure(tree.body):
        if node.id not in known and not (node.id.startswith("__") and node.id.endswith("__")):
            found.setdefault(node.id, node.lineno)
    if not found:
        return {}
    possible = {*_texts(tree), *_put_in_place(namespace)}
    if taken is not None:
        possible.update(name for each in _functions(namespace) for name in _used(each))
    return {} if _OPENING & possible else {name: line for name, line in found.items() if name not in possible}


def _words(tree: ast.Module) -> Iterator[str]:
    """Every name that stands in the code, whatever it is the name of."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(name) | ast.Attribute(attr=name):
                yield name
            case ast.alias(name, asname):
                yield from name.split(".")
                yield asname or name
            case ast.ImportFrom(module=str(name)):
                yield from name.split(".")


def _texts(tree: ast.Module) -> Iterator[str]:
    """The words of texts, and names of keyword arguments: functions like `sympy.var("x")` make variables of them."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)):
                yield from _WORD.findall(text)
            case ast.keyword(str(name)):
                yield name


def _put_in_place(namespace: Mapping[str, Any]) -> Iterator[str]:
    """What functions of the notebook may put there when they are called, wherever they are kept."""
    for code in _functions(namespace):
        yield from stored_globals(code)
        yield from _mentioned(code)


def _functions(namespace: Mapping[str, Any]) -> Iterator[CodeType]:
    """The code of all functions of the notebook that there are."""
    for each in gc.get_objects():
        # that of a cell as a whole is there while it runs, and is called by nobody else
        if type(each) is FunctionType and each.__globals__ is namespace and not _is_cell(each.__code__):
            yield each.__code__


def _used(code: CodeType) -> Iterator[str]:
    """The names that a function uses: with it they come along, and the cell sees them too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _used(constant)


def _is_cell(code: CodeType) -> bool:
    return code.co_name == "<module>" or code.co_name.startswith("<cell line")


def _mentioned(code: CodeType) -> Iterator[str]:
    """Names that open all, and words of texts, in a function."""
    yield from _OPENING.intersection(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield from _WORD.findall(constant)
        elif isinstance(constant, CodeType):
            yield from _mentioned(constant)


def _sure(statements: Iterable[ast.stmt]) -> Iterator[ast.Name]:
    """The names that are read however the code runs, if it runs to its end and no error is caught."""
    for node in statements:
        for part in _parts(node):
            yield from _read(part)
        if isinstance(node, ast.While | ast.Raise):
            return  # it may go on until it is stopped; nothing comes after an error


def _parts(node: ast.stmt) -> Iterator[ast.expr | None]:
    """The expressions of a statement that run in any case. What stands within `try` or `with` may fail unnoticed."""
    match node:
        case ast.Expr(value) | ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.AugAssign(value=value):
            yield value
            yield from (target for target in getattr(node, "targets", ()) if not isinstance(target, ast.Name))
        case ast.If(test) | ast.While(test) | ast.Assert(test):
            yield test
        case ast.For(iter=value) | ast.AsyncFor(iter=value) | ast.Match(value):
            yield value
        case ast.With(items) | ast.AsyncWith(items):
            yield items[0].context_expr
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults)
        case ast.ClassDef():
            yield from node.decorator_list
            if not getattr(node, "type_params", ()):
                yield from (*node.bases, *(keyword.value for keyword in node.keywords))


def _read(node: ast.AST | None) -> Iterator[ast.Name]:
    """The names in an expression that are read whichever way it goes."""
    first: Iterable[ast.AST | None]
    match node:
        case None:
            return
        case ast.Name(ctx=ast.Load()):
            yield node
            return
        case ast.BoolOp(values=[value, *_]) | ast.IfExp(test=value) | ast.NamedExpr(value=value):
            first = (value,)
        case ast.Compare(left, _, [value, *_]):
            first = (left, value)
        case ast.Lambda(args):
            first = (*args.defaults, *args.kw_defaults)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            first = (node.generators[0].iter,)
        case _:
            first = ast.iter_child_nodes(node)
    for each in first:
        yield from _read(each)
