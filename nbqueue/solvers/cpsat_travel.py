"""How models of CP-SAT, their variables and expressions travel: OR-Tools itself pickles none of them.

Parts of one model that travel together are parts of one model again: all refer to its proto, which is sent once.
"""

from __future__ import annotations

from typing import Any

from nbqueue.solvers import cpsat_model, parameters

#: what says where it comes from when there is no OR-Tools, or no room for it, where it arrives
_WHAT = "A model of CP-SAT"


def reduce(thing: Any) -> Any:
    """What rebuilds a thing of `ortools.sat` or `ortools.util`; NotImplemented where there is no need or no way.

    Called only with things of these modules, so that they are there.
    """
    kind = type(thing)
    for base in kind.__mro__:
        if base.__module__.startswith("ortools.") and base.__name__ in _REDUCERS:
            return _REDUCERS[base.__name__](thing)
    if hasattr(kind, "parse_text_format"):
        return proto_from_text, (kind.__qualname__, str(thing))
    return NotImplemented


def proto_from_text(name: str, text: str) -> Any:
    """A message of the solver's own protos, from its text."""
    found = _part(_library().cmh, name)()
    if not found.parse_text_format(text):
        raise ValueError(f"the text of a {name} cannot be read by this version of OR-Tools")
    return found


def model_from_proto(kind: Any, proto: Any) -> Any:
    """A model over a proto; of a class of the user's own too, whose attributes come afterwards."""
    model = kind.__new__(kind)
    _library().CpModel.__init__(model, proto)
    model.rebuild_constant_map()
    return model


def variable(proto: Any, index: int) -> Any:
    """A variable of the model with this proto."""
    return _library().IntVar(proto, index)


def older_variable(kind: Any, index: int, is_boolean: bool) -> Any:  # noqa: FBT001 - as they have it
    """A variable of OR-Tools before 9.15; its attributes come afterwards."""
    found = kind.__new__(kind)
    _library().cmh.BaseIntVar.__init__(found, index, is_boolean)
    return found


def interval(proto: Any, index: int) -> Any:
    """An interval of the model with this proto."""
    return _library().IntervalVar(proto, index)


def negated(literal: Any) -> Any:
    """The opposite of a literal."""
    return literal.negated()


def weighted_sum(variables: list[Any], factors: list[Any], offset: float) -> Any:
    """A linear expression."""
    return _library().LinearExpr.weighted_sum(variables, factors) + offset


def comparison(left: Any, domain: Any) -> Any:
    """A linear expression with the values that it may take."""
    return _library().BoundedLinearExpression(left, domain)


def domain_from(intervals: list[int]) -> Any:
    """A domain, from begins and ends in turn."""
    return _library().Domain.from_flat_intervals(intervals)


def _model(model: Any) -> Any:
    if not hasattr(type(model), "model_proto"):
        return NotImplemented  # before 9.15 it is an object like any other
    own = {name: value for name, value in vars(model).items() if not _is_old_name(value)}
    return model_from_proto, (type(model), model.proto), own or None


def _is_old_name(value: Any) -> bool:
    """Whether it is a method under the name that it had long ago: OR-Tools puts those there by itself."""
    return getattr(value, "__qualname__", "").startswith("deprecated_method.")


def _variable(found: Any) -> Any:
    if type(found).__module__.endswith("cp_model_helper"):
        return variable, (found.model_proto, found.index)
    return older_variable, (type(found), found.index, found.is_boolean), vars(found)


def _interval(found: Any) -> Any:
    if type(found).__module__.endswith("cp_model_helper"):
        return interval, (found.model_proto, found.index)
    return NotImplemented


def _negated(found: Any) -> Any:
    return negated, (found.negated(),)


def _expression(found: Any) -> Any:
    return weighted_sum, cpsat_model.flat(_library(), found)


def _comparison(found: Any) -> Any:
    left = weighted_sum(list(found.vars), [cpsat_model.plain(each) for each in found.coeffs], found.offset)
    return comparison, (left, found.bounds)


def _domain(found: Any) -> Any:
    return domain_from, (list(found.flattened_intervals()),)


def _library() -> Any:
    return parameters.load("ortools.sat.python.cp_model", "solvers", _WHAT)


def _part(found: Any, path: str) -> Any:
    for name in path.split("."):
        found = getattr(found, name)
    return found


#: by the name of the class, or of the nearest one above it
_REDUCERS = {
    "CpModel": _model, "IntVar": _variable, "IntervalVar": _interval, "NotBooleanVariable": _negated,
    "LinearExpr": _expression, "BoundedLinearExpression": _comparison, "Domain": _domain,
}  # fmt: skip
