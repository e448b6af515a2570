"""The page docs/api.md, written from the docstrings of what can be imported."""

import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"
#: in the order of the page; of each what its `__all__` names, or what it defines
MODULES: tuple[str, ...] = (
    "nbqueue", "nbqueue.charts", "nbqueue.solvers", "nbqueue.solvers.cpsat", "nbqueue.solvers.highs",
    "nbqueue.solvers.mathopt", "nbqueue.solvers.scip", "nbqueue.evaluators", "nbqueue.executor", "nbqueue.joblib",
    "nbqueue.testing",
)  # fmt: skip
_SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$", re.MULTILINE)
_ITEM = re.compile(r"^    (\*{0,2}\w+):\s", re.MULTILINE)


def page() -> str:
    """The whole page."""
    parts = "\n".join(_module(import_module(name)) for name in MODULES)
    return f"""# Every name

This page is written by `make docs` from the docstrings. [What you can call](reference.md) tells how they go together.

{parts}"""


def _module(module: ModuleType) -> str:
    described = "\n\n".join(_described(name, getattr(module, name)) for name in _names(module))
    return f"## {module.__name__}\n\n{_text(module)}\n\n{described}\n"


def _names(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(listed, key=str.lower)
    found = ((name, value) for name, value in vars(module).items() if not name.startswith("_"))
    return [name for name, value in found if getattr(value, "__module__", None) == module.__name__ and callable(value)]


def _described(name: str, found: Any) -> str:
    if isinstance(found, ModuleType):
        return f"### {name}\n\n{_text(found)}"
    if not callable(found):
        return f"### {name}\n\n{_text(type(found))}"
    head = f"### {name}\n\n{_signature(name, found)}{_text(found)}"
    return "\n\n".join((head, *_members(found))) if inspect.isclass(found) else head


def _members(kind: type) -> Iterator[str]:
    """The public methods and properties that a class of ours documents."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("nbqueue"):
            continue
        for name, member in vars(base).items():
            if name.startswith("_") or name in seen:
                continue
            seen.add(name)
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function) and function.__doc__:
                shown = f"**{name}**" if isinstance(member, property) else f"**{name}**`{_parameters(function)}`"
                yield f"{shown}: {_text(function)}"


def _signature(name: str, found: Any) -> str:
    if inspect.isclass(found) and issubclass(found, BaseException):
        return ""
    return f"```text\n{textwrap.fill(name + _parameters(found), 110, subsequent_indent='    ')}\n```\n\n"


def _parameters(found: Any) -> str:
    if inspect.isclass(found) and issubclass(found, Enum):
        return "(value)"  # what Python tells of it is not the same in all versions
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return "(...)"
    kept = [each.replace(annotation=each.empty) for name, each in signature.parameters.items() if name != "self"]
    shown = str(signature.replace(parameters=kept, return_annotation=signature.empty))
    # addresses differ from run to run
    return re.sub(r"<(function|bound method) .*? at 0x\w+>", "...", shown)


def _text(found: Any) -> str:
    """A docstring as Markdown: its sections as lists."""
    text = inspect.getdoc(found) or ""
    first = _SECTION.search(text)
    about, sections = (text[: first.start()], text[first.start() :]) if first else (text, "")
    sections = _ITEM.sub(r"- `\1`: ", _SECTION.sub(r"\n*\1*\n", sections)).replace("\n        ", "\n  ")
    sections = re.sub(r"^    (?=\S)", "", sections, flags=re.MULTILINE)
    return (about + sections).replace("\n\n\n", "\n\n").strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
