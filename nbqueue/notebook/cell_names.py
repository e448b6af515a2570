"""Which names the code of a cell needs from before, and which it assigns: found without running it."""

from __future__ import annotations

import ast
import dis
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from types import CodeType

from nbqueue.inside.cells import FLAGS

Names = frozenset[str]

_LOADS = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})
_STORES = frozenset({"STORE_NAME", "STORE_GLOBAL"})
_DELETES = frozenset({"DELETE_NAME", "DELETE_GLOBAL"})
#: what has no meaning by itself, and needs no name
_EMPTY = (ast.Pass, ast.Break, ast.Continue, ast.Global)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNames:
    """What a cell has to do with the names around it."""

    #: read before the cell has surely assigned them itself, in order; built-in ones too
    reads: tuple[str, ...]
    #: assigned somewhere in it
    assigns: Names
    #: whether it may assign any name: `from module import *`
    is_open: bool


def names_of(tree: ast.Module) -> CellNames:
    """The names of code that compiles."""
    flow = _Flow()
    flow.block(tree.body, frozenset())
    return CellNames(
        reads=tuple(flow.reads),
        assigns=frozenset(_stored(_compiled(tree.body))),
        is_open=any(alias.name == "*" for node in ast.walk(tree) for alias in getattr(node, "names", ())
                    if isinstance(alias, ast.alias)),
    )  # fmt: skip


def stored_globals(code: CodeType) -> Iterator[str]:
    """The global names that a function assigns, inner ones too."""
    return _stored(code, inside=True)


class _Flow:
    """Goes through statements as they would run, with the names that are surely assigned before each.

    Where it is not sure it takes a name for one that is needed: one too many does no harm. What a function reads counts
    where the function is defined.
    """

    def __init__(self) -> None:
        self.reads: dict[str, None] = {}

    def block(self, statements: Iterable[ast.stmt], known: Names) -> Names:
        """What is known after them."""
        for statement in statements:
            known = self._statement(statement, known)
        return known

    def _statement(self, node: ast.stmt, known: Names) -> Names:
        match node:
            case ast.If() | ast.While():
                after = self._branch(node, known)
            case ast.For() | ast.AsyncFor():
                after = self._expression(node.iter, known)
                self.block(node.body, self._target(node.target, after))
                self.block(node.orelse, after)
            case ast.With() | ast.AsyncWith():
                after = self._with(node, known)
            case ast.Try() | ast.TryStar():
                after = self._try(node, known)
            case ast.Match():
                after = self._match(node, known)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                after = self._simple(node, known, own=node.name)
            case _:
                after = known if isinstance(node, _EMPTY) else self._simple(node, known)
        return after

    def _branch(self, node: ast.If | ast.While, known: Names) -> Names:
        known = self._expression(node.test, known)
        ends = [self.block(node.body, known | _bound_where_true(node.test)), self.block(node.orelse, known)]
        return ends[0] & ends[1] if isinstance(node, ast.If) else known

    def _with(self, node: ast.With | ast.AsyncWith, known: Names) -> Names:
        """What it is with may swallow an error, so that nothing behind it is sure but what came first."""
        after = inside = self._expression(node.items[0].context_expr, known)
        for place, item in enumerate(node.items):
            inside = self._expression(item.context_expr, inside) if place else inside
            inside = self._target(item.optional_vars, inside) if item.optional_vars else inside
        self.block(node.body, inside)
        return after

    def _try(self, node: ast.Try | ast.TryStar, known: Names) -> Names:
        end = self.block(node.orelse, self.block(node.body, known))
        for handler in node.handlers:
            before = self._expression(handler.type, known) if handler.type else known
            bound = {handler.name} if handler.name else frozenset()
            end &= self.block(handler.body, before | bound) - bound
        return end | self.block(node.finalbody, known)

    def _match(self, node: ast.Match, known: Names) -> Names:
        known = self._expression(node.subject, known)
        for case in node.cases:
            self._note((each.id for each in ast.walk(case.pattern) if isinstance(each, ast.Name)), known)
            bound = known | set(_captured(case.pattern))
            bound = self._expression(case.guard, bound) if case.guard else bound
            self.block(case.body, bound)
        return known

    def _expression(self, node: ast.expr, known: Names) -> Names:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            after = true = self._expression(node.values[0], known)
            for before, value in pairwise(node.values):
                true |= _bound_where_true(before)
                true = self._expression(value, true)
            return after
        return self._simple(ast.copy_location(ast.Expr(node), node), known)

    def _target(self, node: ast.expr, known: Names) -> Names:
        nothing = ast.copy_location(ast.Constant(None), node)
        return self._simple(ast.copy_location(ast.Assign([node], nothing), node), known)

    def _simple(self, node: ast.stmt, known: Names, own: str = "") -> Names:
        """One that runs from its beginning to its end; `own`: the name it defines, known to what is inside.

        Its instructions do not stand as they run: what it reads counts as read before it assigns anything.
        """
        instructions = list(dis.get_instructions(_compiled([node])))
        for item in instructions:
            if item.opname in _LOADS | _DELETES:
                self._note((item.argval,), known)
            elif isinstance(item.argval, CodeType):
                self._note(_read_inside(item.argval, own if _defines(item.argval, own) else ""), known)
        stored = {item.argval for item in instructions if item.opname in _STORES}
        deleted = {item.argval for item in instructions if item.opname in _DELETES}
        return (known | stored - {name for name, is_sure in _bound(node) if not is_sure}) - deleted

    def _note(self, names: Iterable[str], known: Names) -> None:
        self.reads.update(dict.fromkeys(name for name in names if name not in known))


def _bound(node: ast.AST, *, is_sure: bool = True, when_true: bool = False) -> Iterator[tuple[str, bool]]:
    """Names that expressions within assign (`name := value`), and whether each surely is; or is where it is true."""
    first: list[ast.AST]
    match node:
        case ast.NamedExpr(ast.Name(name), value):
            yield name, is_sure
            first = [value]
        case ast.BoolOp(ast.And()) if when_true:
            first = [*node.values]
        case ast.BoolOp():
            first = [node.values[0]]
        case ast.IfExp() | ast.Assert():
            first, when_true = [node.test], False
        case ast.Compare():
            first, when_true = [node.left, node.comparators[0]], False
        case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            first = []
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            first = []
        case _:
            first, when_true = [*ast.iter_child_nodes(node)], False
    for child in ast.iter_child_nodes(node):
        yield from _bound(child, is_sure=is_sure and child in first, when_true=when_true)


def _bound_where_true(node: ast.expr) -> Names:
    return frozenset(name for name, is_sure in _bound(node, when_true=True) if is_sure)


def _defines(code: CodeType, name: str) -> bool:
    """Whether this is the function or class of that name, or holds it with its type parameters."""
    return bool(name) and code.co_name in {name, f"<generic parameters of {name}>"}


def _read_inside(code: CodeType, own: str) -> Iterator[str]:
    """The names that a function or class reads from around it, inner ones too; not its own, but where it is made."""
    is_class = not code.co_flags & inspect.CO_OPTIMIZED
    mine = _first_in_class(code) if is_class else set()
    known: set[str] = set()
    for item in dis.get_instructions(code):
        is_read = item.opname in _LOADS and item.argval not in known and (is_class or item.argval != own)
        if is_read or item.opname == "DELETE_GLOBAL":
            yield item.argval
        elif item.opname == "STORE_NAME" and item.argval in mine:
            known.add(item.argval)
        elif isinstance(item.argval, CodeType):
            # an expression in a class runs before there is the class
            yield from _read_inside(item.argval, "" if is_class and item.argval.co_name.startswith("<") else own)


def _first_in_class(code: CodeType) -> set[str]:
    """The names that a class surely has assigned itself: before anything that may leave something out, and for good."""
    if code.co_exceptiontable:
        return set()
    stored: set[str] = set()
    deleted: set[str] = set()
    jumped = False
    for item in dis.get_instructions(code):
        jumped = jumped or item.opcode in dis.hasjrel or item.opcode in dis.hasjabs
        if item.opname == "STORE_NAME" and not jumped:
            stored.add(item.argval)
        elif item.opname == "DELETE_NAME":
            deleted.add(item.argval)
    return stored - deleted


def _stored(code: CodeType, *, inside: bool = False) -> Iterator[str]:
    for item in dis.get_instructions(code):
        if item.opname == "STORE_GLOBAL" or (item.opname == "STORE_NAME" and not inside):
            yield item.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _stored(constant, inside=True)


def _captured(pattern: ast.pattern) -> Iterator[str]:
    for node in ast.walk(pattern):
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(name, str):
            yield name


def _compiled(statements: list[ast.stmt]) -> CodeType:
    tree = ast.fix_missing_locations(ast.Module(statements, []))
    code: CodeType = compile(tree, "<cell>", "exec", FLAGS, dont_inherit=True)
    return code
