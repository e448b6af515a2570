"""The package as its source text: modules, what they import, and their functions."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "nbqueue"


@dataclass(frozen=True)
class Module:
    """One Python file of the package."""

    #: dotted, for example ``nbqueue.model.job``; a package without its ``__init__``
    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @property
    def room(self) -> str:
        """The part of the package it is in: a folder, or the module itself; the package's own is ``__init__``."""
        return room_of(self.name)

    def imported(self) -> Iterator[str]:
        """Every dotted name that an import statement asks for, wherever it stands; `from a import b` gives ``a.b``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{self._origin(node)}.{alias.name}" for alias in node.names)

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.path.name == "__init__.py" else self.name.split(".")[:-1]
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, node.module] if node.module else base)


def modules() -> dict[str, Module]:
    """All modules of the package by name."""
    found = (Module(dotted(path), path) for path in sorted(PACKAGE.rglob("*.py")))
    return {module.name: module for module in found}


def dotted(path: Path) -> str:
    """The name that imports a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name: str) -> str:
    """The room of a dotted name in the package."""
    return name.split(".")[1] if "." in name else "__init__"


def edges(known: dict[str, Module]) -> dict[str, set[str]]:
    """Who imports whom inside the package; an import of a name counts for the module that holds it."""
    return {name: {target for asked in module.imported() if (target := holder(asked, known)) and target != name}
            for name, module in known.items()}  # fmt: skip


def holder(asked: str, known: dict[str, Module]) -> str | None:
    """The module of the package that a dotted name leads to, or None for other people's."""
    if asked.partition(".")[0] != PACKAGE.name:
        return None
    while asked not in known and "." in asked:
        asked = asked.rpartition(".")[0]
    return asked


def third_party(module: Module) -> set[str]:
    """The top-level names a module imports from outside the package."""
    return {asked.split(".")[0] for asked in module.imported()} - {PACKAGE.name, "__future__"}


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Name and length in lines of every function: what it does, without its signature and docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            yield node.name, (node.end_lineno or node.lineno) - first.lineno + 1
