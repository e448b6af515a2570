"""Families of jobs: which libraries want a process prepared for them, and which must not meet in one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from types import ModuleType

#: of code that names libraries that must not meet: it is left to the code which of them a process gets
MIXED = "mixed"

_NATIVE = tuple(EXTENSION_SUFFIXES)
#: where the modules are that say by their constant FAMILY what their functions load
_SOLVERS = f"{__name__.partition('.')[0]}.solvers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Code that needs the same library. Its name is that of the library's package."""

    name: str
    #: what its processes find imported: the first of it always, the others when there was time for them
    preload: tuple[str, ...]
    #: whether the package is only loaded once one of its native modules is
    native: bool = True
    #: packages that load it where it is there and do without it: they count where nothing else is named
    companions: frozenset[str] = frozenset()


#: ortools and highspy bring two versions of one native library, and cvxpy loads highspy. A process that has loaded
#: several is of the first of them
FAMILIES = (
    Family(name="ortools", preload=("ortools.sat.python.cp_model", "ortools.math_opt.python.mathopt")),
    Family(name="cvxpy", preload=("cvxpy",), native=False),
    Family(name="highspy", preload=("highspy",), companions=frozenset({"pulp", "pyomo"})),
)
BY_NAME: Mapping[str, Family] = {family.name: family for family in FAMILIES}
#: packages whose names say something about a family
SIGNS = frozenset(BY_NAME).union(*(family.companions for family in FAMILIES))


def declared(signs: Iterable[str]) -> str:
    """The family of code that names these packages; MIXED for what must not meet, empty for none.

    Companions count where the library is installed that they would load.
    """
    found = frozenset(signs)
    named = [family.name for family in FAMILIES if family.name in found]
    if "ortools" in named and len(named) > 1:
        return MIXED
    if not named:
        named = [family.name for family in FAMILIES if family.companions & found and _is_installed(family.name)]
    return named[0] if named else ""


def known(name: object) -> str:
    """A family's name as it came over a wire; of one that is not known here it is empty."""
    return name if isinstance(name, str) and (name in BY_NAME or name == MIXED) else ""


def sign(module: str) -> str:
    """What the name of a module says about a family: one of SIGNS, or nothing."""
    found = _sign(module)
    return known(getattr(sys.modules.get(module), "FAMILY", "")) if found is None else found


def loaded(modules: Mapping[str, ModuleType] | None = None) -> tuple[str, ...]:
    """The families that a process has loaded: this one, or one with these modules."""
    here = sys.modules if modules is None else modules
    return tuple(
        family.name
        for family in FAMILIES
        if family.name in here and (not family.native or _has_native(family.name, here))
    )


def unwelcome(error: BaseException) -> str:
    """The family that an import failed for because this process has loaded another one; empty for other errors.

    The import's error may be the cause of the one that is looked at.
    """
    path = next((each.path for each in _causes(error) if isinstance(each, ImportError) and each.path), None)
    here = loaded() if path else ()
    refused = [family.name for family in FAMILIES if f"/{family.name}/" in str(path) and family.name not in here]
    return refused[0] if here and refused else ""


@lru_cache(maxsize=4_096)
def _sign(module: str) -> str | None:
    """What a name says by itself; None where the module is to be asked."""
    top = module.partition(".")[0]
    return top if top in SIGNS else None if module.startswith(_SOLVERS) else ""


def _causes(error: BaseException) -> list[BaseException]:
    """An error and those that led to it, the last one first; they may go round in a circle."""
    found = [error]
    while (cause := found[-1].__cause__) is not None and not any(cause is each for each in found):
        found.append(cause)
    return found


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # it is loaded, and was made by hand
        return True


def _has_native(package: str, modules: Mapping[str, ModuleType]) -> bool:
    start = f"{package}."
    return any(
        name.startswith(start) and (getattr(module, "__file__", None) or "").endswith(_NATIVE)
        for name, module in list(modules.items())
    )
