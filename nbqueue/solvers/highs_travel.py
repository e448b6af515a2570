"""How models of HiGHS and their variables travel: highspy itself pickles few of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbqueue.solvers import highs_model, parameters

_WHAT = "A model of HiGHS"


def reduce(thing: Any) -> Any:
    """What rebuilds a thing of `highspy`; NotImplemented where it pickles by itself, or not at all."""
    for base in type(thing).__mro__:
        if base.__module__.partition(".")[0] == "highspy" and base.__name__ in _REDUCERS:
            return _REDUCERS[base.__name__](thing)
    return NotImplemented


def highs_from(
    kind: type | None, parts: highs_model.Parts, options: Mapping[str, Any], solution: Sequence[float]
) -> Any:
    """A Highs with this model, these options and these values.

    `kind`: a class of the user's own, whose attributes come afterwards.
    """
    library = _library()
    found = library.Highs.__new__(kind or library.Highs)
    library.Highs.__init__(found)
    found.setOptionValue("log_to_console", False)  # noqa: FBT003 - as they have it
    found.passModel(highs_model.rebuilt(parts))
    if solution:
        highs_model.put_hint(found, enumerate(solution))
    found.setOptionValue("log_to_console", True)  # noqa: FBT003
    for name, value in options.items():
        found.setOptionValue(name, value)
    return found


def model_from(parts: highs_model.Parts) -> Any:
    """A HighsModel."""
    _library()
    return highs_model.rebuilt(parts)


def lp_from(parts: highs_model.Parts) -> Any:
    """A HighsLp."""
    return model_from(parts).lp_


def part_from(name: str, of: Any, highs: Any) -> Any:
    """A variable, a constraint or an array of variables; newer ones do not hold their Highs, so somebody must."""
    return getattr(_library().highs, name)(of, highs)


def expression_from(places: list[int], factors: list[float], constant: float | None, bounds: Any) -> Any:
    """A linear expression, or a constraint on one."""
    found = _library().highs.highs_linear_expression()
    found.idxs, found.vals, found.constant, found.bounds = places, factors, constant, bounds
    return found


def _highs(found: Any) -> Any:
    kind = None if type(found).__module__.startswith("highspy.") else type(found)
    made = highs_from, (
        kind, highs_model.parts(found), highs_model.changed_options(found), highs_model.solution(found),
    )  # fmt: skip
    own = {name: value for name, value in vars(found).items() if name not in vars(_library().Highs())}
    return (*made, own) if own else made


def _model(found: Any) -> Any:
    return model_from, (highs_model.parts(found),)


def _lp(found: Any) -> Any:
    return lp_from, (highs_model.parts(found),)


def _part(found: Any) -> Any:
    return part_from, (type(found).__name__, found.index, highs_model.holder(found))


def _array(found: Any) -> Any:
    import numpy as np

    return part_from, (type(found).__name__, np.asarray(found).view(np.ndarray), highs_model.holder(found))


def _expression(found: Any) -> Any:
    return expression_from, (found.idxs, found.vals, found.constant, found.bounds)


def _library() -> Any:
    """What raises in one sentence, or sends the job elsewhere, where there is none, or no room for it."""
    return parameters.load("highspy", "solvers", _WHAT)


#: by the name of the class, or of the nearest one above it
_REDUCERS: dict[str, Callable[[Any], Any]] = {
    "Highs": _highs, "HighsModel": _model, "HighsLp": _lp, "highs_var": _part, "highs_cons": _part,
    "HighspyArray": _array, "highs_linear_expression": _expression,
}  # fmt: skip
