"""What is read of a CpModel and put into it, over the versions of OR-Tools; imports it within functions only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nbqueue.errors import InvalidModel
from nbqueue.solvers import belonging
from nbqueue.solvers.belonging import COMPARISON
from nbqueue.solvers.variables import Variables


def names(model: Any) -> tuple[str, ...]:
    """What its variables are called, in order; "" where they have no name."""
    return tuple(variable.name for variable in model.proto.variables)


def described(model: Any, names: Sequence[str]) -> Variables:
    """Its variables, which have these names."""
    known = model.proto.variables
    return Variables(
        names=names, place=place, called=lambda each: str(each.name), spans=lambda index: _spans(known[index])
    )


def title(model: Any) -> str:
    """What the model is called."""
    return str(getattr(model, "name", "") or "")


def maximizes(model: Any) -> bool:
    """Whether more is better. A whole objective to be maximized is kept with its sign turned."""
    proto = model.proto
    if _has(proto, "floating_point_objective"):
        return bool(proto.floating_point_objective.maximize)
    return _has(proto, "objective") and float(proto.objective.scaling_factor) < 0


def text(model: Any) -> str:
    """The whole model as text, equal where and only where the models are."""
    return str(model.proto)


def value(of: Any, vector: Sequence[float], names: Sequence[str]) -> int | float:
    """The value of a variable, a literal or a linear expression of the model."""
    from ortools.sat.python import cp_model

    if isinstance(of, cp_model.BoundedLinearExpression):
        raise InvalidModel(COMPARISON)
    if not isinstance(of, cp_model.LinearExpr):
        raise InvalidModel(
            f"value() got {type(of).__name__}: give a variable or a linear expression, for example an interval's "
            "start_expr(), size_expr() or end_expr()."
        )
    variables, factors, offset = flat(cp_model, of)
    for each in variables:
        _check_own(each, names)
    found = sum(factor * vector[each.index] for each, factor in zip(variables, factors, strict=True)) + offset
    return round(found) if of.is_integer() else float(found)


def _check_own(variable: Any, names: Sequence[str]) -> None:
    """Raise InvalidModel for a variable of another model, as far as it knows its own one."""
    proto: Any = getattr(variable, "model_proto", None)  # before OR-Tools 9.15 it knows none
    belonging.check(
        variable.index, names, called=lambda: variable.name, model=proto, is_passing=True,
        state=0 if proto is None else len(proto.variables), there=lambda: [each.name for each in proto.variables],
    )  # fmt: skip


def flat(cp_model: Any, of: Any) -> tuple[list[Any], list[int | float], int | float]:
    """A linear expression as variables, their factors and what is added."""
    helper = cp_model.cmh
    found = (helper.FlatIntExpr if of.is_integer() else helper.FlatFloatExpr)(of)
    return list(found.vars), [plain(each) for each in found.coeffs], plain(found.offset)


def place(of: Any) -> int | None:
    """The place of a variable in its model; None for anything else."""
    if not hasattr(of, "is_boolean"):
        return None
    index = getattr(of, "index", None)
    index = index() if callable(index) else index
    return index if isinstance(index, int) else None


def put_hint(model: Any, pairs: Sequence[tuple[int, float]]) -> None:
    """Replace the model's hint by values of variables, by their places, as near as their domains allow."""
    variables = model.proto.variables
    model.clear_hints()
    hints = model.proto.solution_hint
    hints.vars.extend([index for index, _ in pairs])
    hints.values.extend([_nearest(_spans(variables[index]), round(each)) for index, each in pairs])


def _has(proto: Any, name: str) -> bool:
    """Whether a part is set: looking at one that is not makes it in some versions."""
    ask = getattr(proto, f"has_{name}", None)
    return bool(ask() if ask is not None else proto.HasField(name))


def _spans(variable: Any) -> list[tuple[int, int]]:
    """The domain of a variable's proto, which has begins and ends in turn."""
    return [pair for place, pair in enumerate(pairwise(list(variable.domain))) if place % 2 == 0]


def _nearest(spans: Sequence[tuple[int, int]], wanted: int) -> int:
    """The value of a domain that is nearest to the wanted one."""
    return min((max(begin, min(end, wanted)) for begin, end in spans), key=lambda each: abs(each - wanted))


def response(solver_or_callback: Any) -> Any:
    """The response of a solver, or of a callback at the solution that it is called with."""
    found = solver_or_callback.response_proto
    return found() if callable(found) else found


def plain(number: Any) -> int | float:
    """A number of Python's own, of one that may be numpy's."""
    found: int | float = number.item() if hasattr(number, "item") else number
    return found
