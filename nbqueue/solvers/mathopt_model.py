"""What is read of a model of MathOpt; imports it within functions only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbqueue.errors import InvalidModel


def names(model: Any) -> tuple[str, ...]:
    """What its variables are called, in order; "" where they have no name."""
    return tuple(variable.name for variable in model.variables())


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
    # some were deleted
    return sorted(map(int, storage.get_elements(kind))).index(of.id)


def value(of: Any, vector: Sequence[float], _: Sequence[str]) -> float:
    """The value of a variable, or of a linear or quadratic expression."""
    from ortools.math_opt.python import mathopt, variables

    if not isinstance(of, variables.LinearBase | variables.QuadraticBase):
        raise InvalidModel(f"value() got {type(of).__name__}: give a variable or an expression.")
    flat = mathopt.as_flat_quadratic_expression(of)
    used = {*flat.linear_terms, *(each for key in flat.quadratic_terms for each in (key.first_var, key.second_var))}
    return float(mathopt.evaluate_expression(flat, {each: vector[place(each) or 0] for each in used}))


def put_hint(model: Any, _: Sequence[tuple[int, float]]) -> None:
    """Models of MathOpt hold no hint."""
    raise InvalidModel(
        f"A {type(model).__name__} of MathOpt holds no hint: give hint=solution to mathopt.solve instead."
    )
