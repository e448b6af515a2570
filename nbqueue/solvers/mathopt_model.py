"""What is read of a model of MathOpt; imports it within functions only."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from nbqueue.errors import InvalidModel
from nbqueue.solvers import belonging
from nbqueue.solvers.belonging import COMPARISON
from nbqueue.solvers.variables import Span, Variables

#: the model that places were asked for last, what it had of variables then, and their places by their numbers
_last: tuple[Callable[[], Any], tuple[int, int], dict[int, int]] = (lambda: None, (0, 0), {})


def names(model: Any) -> tuple[str, ...]:
    """What its variables are called, in order; "" where they have no name."""
    return tuple(variable.name for variable in model.variables())


def described(model: Any, names: Sequence[str]) -> Variables:
    """Its variables, which have these names."""
    known = cache(lambda: list(model.variables()))

    def spans(index: int) -> list[Span]:
        return [(known()[index].lower_bound, known()[index].upper_bound)]

    return Variables(names=names, place=place, called=lambda each: str(each.name), spans=spans)


def title(model: Any) -> str:
    """What the model is called."""
    return str(model.name)


def maximizes(model: Any) -> bool:
    """Whether more is better."""
    return bool(model.objective.is_maximize)


def is_whole(model: Any) -> bool:
    """Whether any variable is a whole number."""
    return any(variable.integer for variable in model.variables())


def data(model: Any) -> bytes:
    """The whole model as bytes, equal where the models are."""
    found: bytes = model.export_model().SerializeToString(deterministic=True)
    return found


def in_order(model: Any, values: Mapping[Any, float]) -> list[float]:
    """Values by variable, in the model's order; 0 where none is given."""
    return [values.get(variable, 0.0) for variable in model.variables()]


def objective(model: Any, values: Mapping[Any, float]) -> float:
    """What the objective is worth at a solution."""
    from ortools.math_opt.python import mathopt

    return float(mathopt.evaluate_expression(model.objective.as_quadratic_expression(), values))


def place(of: Any) -> int | None:
    """The place of a variable in its model; None for anything else."""
    from ortools.math_opt.elemental.python import enums
    from ortools.math_opt.python import variables

    if not isinstance(of, variables.Variable):
        return None
    storage, kind = of.elemental, enums.ElementType.VARIABLE
    if storage.get_num_elements(kind) == storage.get_next_element_id(kind):
        return int(of.id)
    return _after_deletions(storage, kind).get(int(of.id))


def _after_deletions(storage: Any, kind: Any) -> dict[int, int]:
    """The places of a model's variables by their numbers, which have gaps. Of the last model they are kept."""
    global _last  # noqa: PLW0603 - solutions are read value by value, and a table of all variables takes its time
    # each variable that is added or deleted changes one of the two for good
    state = (storage.get_num_elements(kind), storage.get_next_element_id(kind))
    known, before, places = _last
    if known() is storage and before == state:
        return places
    made = {number: place for place, number in enumerate(sorted(map(int, storage.get_elements(kind))))}
    _last = (weakref.ref(storage), state, made)
    return made


def value(of: Any, vector: Sequence[float], names: Sequence[str]) -> float:
    """The value of a variable, or of a linear or quadratic expression."""
    from ortools.math_opt.python import mathopt, variables

    if type(of).__name__.endswith(("BoundedLinearExpression", "BoundedQuadraticExpression", "BoundedExpression")):
        raise InvalidModel(COMPARISON)
    if not isinstance(of, variables.LinearBase | variables.QuadraticBase):
        raise InvalidModel(f"value() got {type(of).__name__}: give a variable or an expression.")
    flat = mathopt.as_flat_quadratic_expression(of)
    used = {*flat.linear_terms, *(each for key in flat.quadratic_terms for each in (key.first_var, key.second_var))}
    return float(mathopt.evaluate_expression(flat, {each: _value(each, vector, names) for each in used}))


def _value(variable: Any, vector: Sequence[float], names: Sequence[str]) -> float:
    from ortools.math_opt.elemental.python import enums

    found = place(variable)
    if found is None:
        raise InvalidModel(f"value() got the variable {variable.id}, which was deleted from its model.")
    storage, kind = variable.elemental, enums.ElementType.VARIABLE
    belonging.check(
        found, names, called=lambda: str(variable.name), model=storage,
        state=(storage.get_num_elements(kind), storage.get_next_element_id(kind)),
        there=lambda: [storage.get_element_name(kind, each) for each in sorted(map(int, storage.get_elements(kind)))],
    )  # fmt: skip
    return vector[found]


def put_hint(model: Any, _: Sequence[tuple[int, float]]) -> None:
    """Models of MathOpt hold no hint."""
    raise InvalidModel(
        f"A {type(model).__name__} of MathOpt holds no hint: give hint=solution to mathopt.solve instead."
    )
