"""Digests of code: functions, classes and modules, of the user's own by what they are, of others by their names."""

from __future__ import annotations

import dis
import functools
import hashlib
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

from nbqueue.broker.digest_walk import Walk
from nbqueue.broker.travel import is_local

#: what a class body, compiled, says of itself that is no more than its place or text
_REMARKS = frozenset({"__doc__", "__firstlineno__", "__static_attributes__"})
#: attributes of a class that say nothing of what it does, or come from what is written anyway
_LEFT_OUT = _REMARKS | {"__dict__", "__weakref__", "__module__", "__qualname__", "_abc_impl", "__annotations_cache__"}
_READS_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
#: of an enum only what its author wrote: the rest are its members, again and again
_WRITTEN = (FunctionType, classmethod, staticmethod, property)
_HAS_DOCSTRING = 0x4000000
_DESCRIPTORS = (
    ClassMethodDescriptorType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType,
)  # fmt: skip
_CACHED = type(lru_cache(lambda: None))


def encode(walk: Walk, value: Any) -> bool:
    """Write a value that is code; whether it is."""
    for kinds, write in _KINDS:
        if isinstance(value, kinds):
            write(walk, value)
            return True
    return False


class _Facts(NamedTuple):
    """What does not change about a code object."""

    digest: bytes
    #: the names it reads as globals, sorted, those of nested functions too
    reads: tuple[str, ...]
    #: all names of globals and attributes
    names: frozenset[str]


# by name


def _by_name(walk: Walk, value: Any) -> bool:
    """Write what everybody can import by its name only; whether it is such."""
    name, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(name, str) or not isinstance(qualname, str) or name == "__main__":
        return False
    module = sys.modules.get(name)
    if module is None or is_local(module):
        return False
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if found is not value:
        return False
    walk.text("import", f"{name}:{qualname}")
    return True


# functions


def _function(walk: Walk, function: FunctionType) -> None:
    if not _by_name(walk, function):
        walk.node("function", function, lambda inner: _function_parts(inner, function))


def _function_parts(walk: Walk, function: FunctionType) -> None:
    facts = _facts(function.__code__)
    walk.raw("code", facts.digest)
    walk.part(" default", function.__defaults__)
    walk.part(" default", function.__kwdefaults__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        walk.text("variable", name)
        try:
            value = cell.cell_contents
        except ValueError:
            walk.text("empty", "")
        else:
            _named(walk, f' variable "{name}"', value, facts.names)
    for name in facts.reads:
        if name in function.__globals__:
            walk.text("global", name)
            _named(walk, f' global "{name}"', function.__globals__[name], facts.names)
    walk.attributes(vars(function))


def _named(walk: Walk, step: str, value: Any, names: frozenset[str]) -> None:
    """Write a value that a function names; of a module of the user's only what the function can mean."""
    if isinstance(value, ModuleType):
        _module(walk, value, names)
    else:
        walk.part(step, value)


def _cached(walk: Walk, value: Any) -> None:
    """A function behind a cache: what the cache holds is not part of it."""
    if not _by_name(walk, value):
        walk.part("", value.__wrapped__)


def _builtin(walk: Walk, value: Any) -> None:
    owner = value.__self__
    if owner is None or isinstance(owner, ModuleType):
        walk.text("import", f"{value.__module__}:{value.__qualname__}")
    else:
        walk.text("method", value.__name__)
        walk.part(".__self__", owner)


def _descriptor(walk: Walk, value: Any) -> None:
    owner = value.__objclass__
    walk.text("descriptor", f"{owner.__module__}:{owner.__qualname__}.{value.__name__}")


def _wrapped(walk: Walk, value: classmethod[Any, Any, Any] | staticmethod[Any, Any]) -> None:
    walk.text("wrapped", type(value).__name__)
    walk.part("", value.__func__)


def _property(walk: Walk, value: property) -> None:
    walk.text("wrapped", type(value).__name__)
    for each in (value.fget, value.fset, value.fdel):
        walk.part("", each)


def _cached_property(walk: Walk, value: functools.cached_property[Any]) -> None:
    walk.text("wrapped", "cached_property")
    walk.part("", value.func)


# modules and classes


def _module(walk: Walk, module: ModuleType, names: frozenset[str] | None = None) -> None:
    """A module by its name, and of one of the user's also what it holds under these names (None: all)."""
    if sys.modules.get(module.__name__) is module and not is_local(module):
        walk.text("module", module.__name__)
        return
    held = vars(module)
    meant = sorted(name for name in held if not name.startswith("__") and (names is None or name in names))

    def write(inner: Walk) -> None:
        inner.text("name", module.__name__)
        for name in meant:
            inner.text("key", name)
            _named(inner, f" {module.__name__}.{name}", held[name], names or frozenset(held))

    walk.node("module", module, write, of_it=tuple(meant))


def _class(walk: Walk, value: type) -> None:
    if not _by_name(walk, value):
        walk.node("class", value, lambda inner: _class_parts(inner, value))


def _class_parts(walk: Walk, value: type) -> None:
    walk.text("name", value.__name__)
    walk.part(" a base", value.__bases__)
    walk.part(" its metaclass", None if type(value) is type else type(value))
    walk.attributes(_attributes(value))


def _attributes(value: type) -> dict[str, Any]:
    found = {name: each for name, each in vars(value).items() if name not in _LEFT_OUT}
    if not issubclass(value, Enum):
        return found
    written = {name: each for name, each in found.items() if isinstance(each, _WRITTEN)}
    return {**written, "members": [(name, each.value) for name, each in value.__members__.items()]}


# code objects


def _code_object(walk: Walk, code: CodeType) -> None:
    walk.raw("code", _facts(code).digest)


@lru_cache(maxsize=4096)
def _facts(code: CodeType) -> _Facts:
    """The digest of what the code does, whatever its lines, file and docstring, and what it reads."""
    written = hashlib.sha256()
    nested = [_facts(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    reads = {name for facts in nested for name in facts.reads}
    head = (
        code.co_name, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_varnames,
        code.co_cellvars, code.co_freevars, code.co_flags & ~_HAS_DOCSTRING, code.co_exceptiontable,
    )  # fmt: skip
    written.update(repr(head).encode())
    for step in _instructions(code):
        written.update(f"\n{step.opname} ".encode())
        if step.opcode in dis.hasconst:
            _write_constant(written.update, step.argval)
        elif step.opcode in dis.hasname:
            written.update(f"{step.argval} {step.argrepr}".encode())
        else:
            written.update(str(step.arg).encode())
        if step.opname in _READS_GLOBAL:
            reads.add(step.argval)
    names = frozenset(code.co_names).union(*(facts.names for facts in nested))
    return _Facts(written.digest(), tuple(sorted(reads)), names)


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    """What the code does, without what a class says of its text and place."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("EXTENDED_ARG", "NOP")]
    following = [*steps[1:], None]
    skip = False
    for step, after in zip(steps, following, strict=True):
        remark = after is not None and after.opname == "STORE_NAME" and after.argval in _REMARKS
        if skip or (remark and step.opcode in dis.hasconst):
            skip = not skip
            continue
        yield step


def _write_constant(write: Callable[[bytes], None], value: Any) -> None:
    """A constant as the compiler makes them, with its type."""
    if isinstance(value, CodeType):
        write(_facts(value).digest)
    elif isinstance(value, tuple):
        write(b"(%d " % len(value))
        for item in value:
            _write_constant(write, item)
    elif isinstance(value, frozenset):
        parts = []
        for item in value:
            one = hashlib.sha256()
            _write_constant(one.update, item)
            parts.append(one.digest())
        write(b"{%d " % len(value) + b"".join(sorted(parts)))
    else:
        text = repr(value).encode()
        write(f"{type(value).__name__} {len(text)} ".encode() + text)


_KINDS: tuple[tuple[Any, Callable[[Walk, Any], None]], ...] = (
    (FunctionType, _function),
    (type, _class),
    (ModuleType, _module),
    (BuiltinFunctionType, _builtin),
    (MethodWrapperType, _builtin),
    (_DESCRIPTORS, _descriptor),
    ((classmethod, staticmethod), _wrapped),
    (property, _property),
    (functools.cached_property, _cached_property),
    (_CACHED, _cached),
    (CodeType, _code_object),
)
