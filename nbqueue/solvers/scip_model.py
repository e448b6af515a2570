"""What is read of models of PySCIPOpt and put into them; imports it within functions only."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from nbqueue.errors import InvalidModel
from nbqueue.solvers.belonging import COMPARISON
from nbqueue.solvers.model_files import readable
from nbqueue.solvers.variables import Span, Variables

#: what is read, by the ends of names
FORMATS = ("mps", "lp", "cip")
#: two values that differ by less, relative to the larger one, are the same
_SAME = 1e-9
#: begins the names of variables of a problem that SCIP has transformed
_TRANSFORMED = "t_"

#: what PySCIPOpt calls a model without a name
_UNNAMED = "model"

_Places = dict[str, int | None]
#: the names that places were asked for last, and their places
_last: tuple[Sequence[str], _Places] = ((), {})


def variables(model: Any) -> list[Any]:
    """Its variables as they were made, in order; also while it is solved."""
    return list(model.getVars(transformed=False))


def names(model: Any) -> tuple[str, ...]:
    """What its variables are called, in order."""
    return tuple(variable.name for variable in variables(model))


def described(model: Any, names: Sequence[str]) -> Variables:
    """Its variables, which have these names, and are known by them."""
    known = cache(lambda: variables(model))

    def spans(index: int) -> list[Span]:
        return [(known()[index].getLbOriginal(), known()[index].getUbOriginal())]

    return Variables(names=names, place=place(names), called=lambda _: None, spans=spans)


def title(model: Any) -> str:
    """What the model is called, where it was given a name."""
    found = str(model.getProbName())
    return "" if found == _UNNAMED else found


def maximizes(model: Any) -> bool:
    """Whether more is better."""
    return bool(model.getObjectiveSense() == "maximize")


def text(model: Any) -> bytes:
    """The whole model, equal where the models are: without its name, and what is counted of it."""
    return b"OBJECTIVE" + cip(model).partition(b"OBJECTIVE")[2]


def cip(model: Any) -> bytes:
    """The whole model in SCIP's own format."""
    with tempfile.TemporaryDirectory(prefix="nbqueue-model-") as folder:
        file = Path(folder) / "model.cip"
        model.writeProblem(str(file), verbose=False)
        return file.read_bytes()


def read(library: Any, model: Any, solver: str) -> Any:
    """A Model from a file's path, text or bytes; `solver` says who reads it, for errors."""
    found = library.Model()
    found.setParam("display/verblevel", 0)
    with readable(model, solver, FORMATS) as path:
        try:
            found.readProblem(str(path))
        except OSError as error:
            raise InvalidModel(f"{solver} cannot read this model. {error} Is it in the format that it seems?") from None
    found.resetParam("display/verblevel")
    if not found.getNVars():
        raise InvalidModel(f"{solver} finds no variables in this model: is it in the format that it seems?")
    return found


def changed_parameters(model: Any) -> dict[str, Any]:
    """The parameters that are not as they are by default."""
    default = type(model)(createscip=True).getParams()
    return {name: value for name, value in model.getParams().items() if name in default and default[name] != value}


def place(names: Sequence[str]) -> Any:
    """What gives the place of a variable among these names, None for anything else."""

    def of(thing: Any) -> int | None:
        return _place(thing, _places(names)) if hasattr(thing, "vtype") else None

    return of


def bound(model: Any) -> float | None:
    """The bound of a search under way; None where there is none.

    One that meets the best solution is none: SCIP gives that where no node happens to be open. A proof ends the search.
    """
    found, best = model.getDualbound(), model.getPrimalbound()
    if abs(found) >= model.infinity():
        return None
    sign = -1 if maximizes(model) else 1
    return None if sign * found >= sign * best - _SAME * max(abs(best), 1.0) else found


def value(of: Any, vector: Sequence[float], names: Sequence[str]) -> Any:
    """The value of a variable, of a polynomial of variables, or of an array of them; found by their names."""
    places = _places(names)
    if hasattr(of, "flat"):
        import numpy as np

        return np.array([_valued(each, vector, places) for each in of.flat], dtype=float).reshape(of.shape)
    return _valued(of, vector, places)


def put_hint(model: Any, pairs: Iterable[tuple[int, float]]) -> None:
    """Give a model values to start from, of all variables or of some, by their places."""
    known, given = variables(model), list(pairs)
    start = model.createSol() if len(given) == len(known) else model.createPartialSol()
    for index, number in given:
        model.setSolVal(start, known[index], number)
    model.addSol(start, free=True)


def _places(names: Sequence[str]) -> _Places:
    """The places of names; None for a name that several variables have. Of the names of the last time they are kept."""
    global _last  # noqa: PLW0603 - solutions are read value by value, and a table of all names takes its time
    known, places = _last
    if known is names:
        return places
    made: _Places = {}
    for index, name in enumerate(names):
        made[name] = None if name in made else index
    if isinstance(names, tuple):  # others may change
        _last = (names, made)
    return made


def _place(variable: Any, places: _Places) -> int | None:
    """The place of a variable by its name, which begins otherwise where SCIP has transformed it; None: it has none."""
    name = str(variable.name)
    if name not in places:
        name = name.removeprefix(_TRANSFORMED)
    found = places.get(name)
    if found is None and name in places:
        raise InvalidModel(
            f'The model has several variables with the name "{name}", and variables of SCIP are known by their names: '
            "give each a name of its own."
        )
    return found


def _valued(of: Any, vector: Sequence[float], places: _Places) -> float:
    terms = getattr(of, "terms", None)
    if type(of).__name__ == "ExprCons":
        raise InvalidModel(COMPARISON)
    if terms is None:
        raise InvalidModel(f"value() got {type(of).__name__!r}: give a variable, or sums and products of variables.")

    def worth(variable: Any) -> float:
        place = _place(variable, places)
        if place is None:
            raise InvalidModel(
                f'value() got the variable "{variable.name}", which is not in the model that was solved.'
            )
        return vector[place]

    return float(sum(factor * prod(map(worth, term.vartuple)) for term, factor in terms.items()))
