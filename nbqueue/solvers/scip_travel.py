"""How models of PySCIPOpt travel: in SCIP's own format, with the parameters that are not as they are by default.

Variables do not know their model. It is looked for among all that there are, and goes with them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from math import prod
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from nbqueue.solvers import parameters, scip_model

_WHAT = "A model of SCIP"
#: models that variables were looked for in
_known: WeakSet[Any] = WeakSet()
#: the variables of models that have arrived, by name
_arrived: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def reduce(thing: Any) -> Any:
    """What rebuilds a thing of `pyscipopt`; NotImplemented where it pickles by itself, or not at all."""
    for base in type(thing).__mro__:
        if base.__module__.partition(".")[0] == "pyscipopt" and base.__name__ in _REDUCERS:
            return _REDUCERS[base.__name__](thing)
    return NotImplemented


def model_from(cip: bytes, changed: dict[str, Any]) -> Any:
    """A Model with this problem and these parameters."""
    model = scip_model.read(_library(), cip, _WHAT)
    model.setParams(changed)
    return model


def put_data(model: Any, data: Any) -> None:
    """Keep with a model what was kept with it."""
    model.data = data


def variable(model: Any, name: str) -> Any:
    """The variable of that name in a model that has arrived."""
    if model not in _arrived:
        _arrived[model] = {each.name: each for each in scip_model.variables(model)}
    return _arrived[model][name]


def expression(terms: Sequence[tuple[float, Sequence[Any]]]) -> Any:
    """The sum of products of a factor and variables."""
    return _library().quicksum(prod(variables, start=factor) for factor, variables in terms)


def comparison(of: Any, least: float | None, most: float | None) -> Any:
    """An expression with the values that it may take."""
    return _library().scip.ExprCons(of, least, most)


def _model(model: Any) -> Any:
    made = model_from, (scip_model.cip(model), scip_model.changed_parameters(model))
    # what users keep with a model: often its variables, which refer to the model and so come after it
    return made if model.data is None else (*made, model.data, None, None, put_data)


def _variable(found: Any) -> Any:
    model = _owner(found)
    return NotImplemented if model is None else (variable, (model, found.name))


def _expression(found: Any) -> Any:
    return expression, ([(factor, tuple(term.vartuple)) for term, factor in found.terms.items()],)


def _comparison(found: Any) -> Any:
    return comparison, (found.expr, found._lhs, found._rhs)  # noqa: SLF001 - it has no other names for them


def _owner(found: Any) -> Any:
    """The model of a variable; None where it is gone."""
    for model in _known:
        if _owns(model, found):
            return model
    kind = _library().Model
    _known.update(each for each in gc.get_objects() if isinstance(each, kind))
    return next((model for model in _known if _owns(model, found)), None)


def _owns(model: Any, found: Any) -> bool:
    """Whether the model keeps the variable, in a table by SCIP's own addresses."""
    tables = (each for each in gc.get_referents(model) if isinstance(each, dict))
    return any(type(each.get(found.ptr())) is type(found) for each in tables)


def _library() -> Any:
    return parameters.load("pyscipopt", "scip", _WHAT)


#: by the name of the class, or of the nearest one above it
_REDUCERS: dict[str, Callable[[Any], Any]] = {
    "Model": _model, "Variable": _variable, "Expr": _expression, "ExprCons": _comparison,
}  # fmt: skip
