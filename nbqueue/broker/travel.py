"""The pickler of what travels: local code goes by value, and its source lines with it."""

from __future__ import annotations

import dis
import io
import site
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle

from nbqueue.broker import reducers
from nbqueue.broker.inputs import FLAT, take
from nbqueue.errors import NotSendable
from nbqueue.model.families import sign
from nbqueue.model.output import Output, StandIn

PROTOCOL = 5

_CODE = (FunctionType, type)
#: packages that every worker has: what unpickles is by reference wherever it lies
_ALWAYS_THERE = frozenset({"__main__", "cloudpickle", __name__.partition(".")[0]})
_INSTALLED_PARTS = frozenset({"site-packages", "dist-packages"})
#: said to be the module of what pybind11 makes for itself in each process
_PYBIND11 = "pybind11_builtins"
#: names that a notebook puts in place and a worker does not have
_NOTEBOOK_NAMES = frozenset({"get_ipython", "display"})
#: cloudpickle's list of by-value modules is one for the process
_registry_lock = threading.RLock()


#: whether what is pickled stays in this process: then modules of the user's own are what they are here, mocks included
_stays: ContextVar[bool] = ContextVar("nbqueue_stays", default=False)


@contextmanager
def staying(stays: bool = True) -> Iterator[None]:  # noqa: FBT001, FBT002 - reads as a word
    """Pickle what is run in this very process: functions of modules by their names, whatever module it is."""
    token = _stays.set(stays)
    try:
        yield
    finally:
        _stays.reset(token)


#: where to note packages that are met and say what family of process the code wants
_noted: ContextVar[set[str] | None] = ContextVar("nbqueue_noted", default=None)


@contextmanager
def noting() -> Iterator[set[str]]:
    """Within the block, the packages met in what is pickled that say what family of process it wants."""
    found: set[str] = set()
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


class TravelPickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles functions and classes of local modules by value, and refuses what only a notebook has.

    Local is a module whose file is neither the standard library's, nor installed, nor nbqueue's.
    """

    def __init__(self, file: Any) -> None:
        super().__init__(file, protocol=PROTOCOL)
        #: code of the functions that went by value
        self.codes: list[CodeType] = []
        self._noted = _noted.get()
        self._registered: list[ModuleType] = []
        #: metaclasses that no import gives, and for each a class that has it
        self._bases: dict[type, type] = {}

    def dump(self, obj: Any) -> None:
        """Write the pickle; local modules are by value only while this runs."""
        with _registry_lock:
            try:
                super().dump(obj)
            finally:
                while self._registered:
                    cloudpickle.unregister_pickle_by_value(self._registered.pop())

    def reducer_override(self, obj: Any) -> Any:
        """As cloudpickle does, after local modules were made known to it."""
        if self._noted is not None:
            self._note(obj)
        if isinstance(obj, type) and (base := self._base_with(obj)) is not None:
            return type, (base,)
        if isinstance(obj, _CODE):
            name = getattr(obj, "__module__", None)
            self._send_by_value(sys.modules.get(name) if isinstance(name, str) else None)
        elif isinstance(obj, ModuleType):
            self._send_by_value(obj)
        elif isinstance(obj, io.TextIOWrapper):
            return _standard_stream(obj)
        elif (found := reducers.reduced(obj)) is not NotImplemented:
            return found
        reduced = super().reducer_override(obj)
        if isinstance(obj, FunctionType) and reduced is not NotImplemented:
            refuse_notebook_names(obj)
            self.codes.append(obj.__code__)
            if self._noted is not None:
                self._noted.update(filter(None, map(sign, _names_of(obj.__code__))))
        return reduced

    def _base_with(self, kind: type) -> type | None:
        """An importable class whose metaclass this is, where it is one that pybind11 has made and no import gives.

        The classes that have it come here before it does.
        """
        if kind.__module__ == _PYBIND11:
            return self._bases.get(kind)
        meta = type(kind)
        if meta.__module__ == _PYBIND11 and meta not in self._bases:
            found = next((base for base in kind.__mro__ if type(base) is meta and _is_importable(base)), None)
            if found is not None:
                self._bases[meta] = found
        return None

    def _note(self, obj: Any) -> None:
        """Note what an object's module says of a family."""
        named = obj if isinstance(obj, _CODE) else type(obj)
        name = obj.__name__ if isinstance(obj, ModuleType) else getattr(named, "__module__", None)
        if self._noted is not None and type(name) is str and (found := sign(name)):
            self._noted.add(found)

    def _send_by_value(self, module: ModuleType | None) -> None:
        if (
            module is None
            or (_stays.get() and not _is_importing(module))
            or not is_local(module)
            or module.__name__ in cloudpickle.list_registry_pickle_by_value()
        ):
            return
        if sys.modules.get(module.__name__) is module:
            cloudpickle.register_pickle_by_value(module)
            self._registered.append(module)


class CallPickler(TravelPickler):
    """Pickles a call: a handle of a job in it becomes what stands for its result."""

    def __init__(self, file: Any, stand_ins: list[StandIn]) -> None:
        super().__init__(file)
        #: what was met, in order; repeats included
        self._stand_ins = stand_ins

    def reducer_override(self, obj: Any) -> Any:
        """As for all that travels, but for handles of jobs."""
        if not isinstance(obj, Output):
            return super().reducer_override(obj)
        found = obj.__nbqueue_output__()
        self._stand_ins.append(found)
        if found.flat:
            return take, (found.job_ids, FLAT)
        return take, (found.job_ids if found.many else found.job_ids[0],)


def _is_importing(module: ModuleType) -> bool:
    """Whether its import is under way: another thread that asks for it waits, and the import maybe for that thread."""
    return bool(getattr(module.__spec__, "_initializing", False))


def signs_of(fn: Callable[..., Any]) -> set[str]:
    """The packages that a function of this process names which say what family of process it wants."""
    while isinstance(fn, partial):
        fn = fn.func
    found = {sign(str(getattr(fn, "__module__", "")))}
    if isinstance(fn, FunctionType):
        for name in _names_of(fn.__code__):
            value = fn.__globals__.get(name)
            if isinstance(value, ModuleType):
                found.add(sign(value.__name__))
            elif isinstance(value, _CODE):
                found.add(sign(str(value.__module__)))
            found.add(sign(name))
    return found - {""}


def is_local(module: ModuleType) -> bool:
    """Whether a module is the user's own: in a folder of theirs, neither installed nor nbqueue's."""
    name = getattr(module, "__name__", "")
    if name.partition(".")[0] in _ALWAYS_THERE:
        return False
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    return isinstance(file, str) and _is_local_file(name, file)


def _is_importable(kind: type) -> bool:
    """Whether a class is by its name in an installed module."""
    module = sys.modules.get(kind.__module__)
    return (
        module is not None
        and kind.__module__ != "__main__"
        and not is_local(module)
        and getattr(module, kind.__qualname__, None) is kind
    )


def refuse_notebook_names(function: FunctionType) -> None:
    """Raise NotSendable for a function of a notebook that uses the notebook itself."""
    if function.__module__ != "__main__":
        return
    for name in _NOTEBOOK_NAMES.intersection(_names_of(function.__code__)):
        found = function.__globals__.get(name)
        if (found is None or name == "get_ipython") and name in _global_names(function.__code__):
            raise NotSendable(
                f'Function "{function.__qualname__}" cannot be sent: it uses {name}(), and there is no notebook on a '
                "worker. Print or return what it found, and show it in the notebook.",
                path=name,
            )


def _standard_stream(file: io.TextIOWrapper) -> Any:
    """Standard streams are the worker's own there; the contents of another open file are not sent unasked."""
    for name in ("stdout", "stderr", "stdin"):
        if file is getattr(sys, name) or file is getattr(sys, f"__{name}__"):
            return getattr, (sys, name)
    raise TypeError(f"cannot pickle an open file ({file.name})")


@lru_cache(maxsize=4096)
def _is_local_file(name: str, file: str) -> bool:
    path = Path(file)
    if file.endswith(tuple(EXTENSION_SUFFIXES)) or not _INSTALLED_PARTS.isdisjoint(path.parts):
        return False
    if any(path.is_relative_to(folder) for folder in _installed_folders()):
        return False
    above = path.parents[: name.count(".") + 2]
    return not any(_holds_installed(folder) for folder in above[-2:])


@lru_cache(maxsize=256)
def _holds_installed(folder: Path) -> bool:
    """Whether an installer put packages there, as `pip install --target` does."""
    return next(folder.glob("*.dist-info"), None) is not None


@lru_cache(maxsize=1)
def _installed_folders() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_path(name) for name in names} | {*site.getsitepackages(), site.getusersitepackages()}
    return tuple({each for folder in folders for each in (Path(folder), Path(folder).resolve())})


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)


def _global_names(code: CodeType) -> frozenset[str]:
    """The names a function reads as globals, in nested functions too."""
    own = {item.argval for item in dis.get_instructions(code) if item.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    nested = [_global_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(own.union(*nested))
