"""What is read of models of HiGHS and put into them; imports highspy within functions only."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from nbqueue.errors import InvalidModel
from nbqueue.solvers import belonging
from nbqueue.solvers.belonging import COMPARISON
from nbqueue.solvers.variables import Span, Variables

#: the numbers of a model, by the name of what holds them: "d" of floats, "i" of whole numbers
_OF_LP = {
    "col_cost_": "d", "col_lower_": "d", "col_upper_": "d", "row_lower_": "d", "row_upper_": "d",
}  # fmt: skip
_OF_MATRIX = {"start_": "i", "index_": "i", "value_": "d"}

Parts = dict[str, Any]


def lp(model: Any) -> Any:
    """The HighsLp of a Highs, a HighsModel, or it itself."""
    if hasattr(model, "getLp"):
        return model.getLp()
    return getattr(model, "lp_", model)


def names(model: Any) -> tuple[str, ...]:
    """What its variables are called, in order; "" where they have no name."""
    found = lp(model)
    called = tuple(found.col_names_)
    return called if len(called) == found.num_col_ else ("",) * found.num_col_


def described(model: Any, named: Sequence[str]) -> Variables:
    """Its variables, which have these names."""
    found = lp(model)
    bounds = cache(lambda: list(zip(found.col_lower_, found.col_upper_, strict=True)))
    kinds = cache(lambda: [kind.name for kind in found.integrality_])
    # as they are many, and copied whenever they are asked for
    all_names = cache(names)

    def called(of: Any) -> str | None:
        highs = holder(of)
        return None if highs is None else "".join(all_names(highs)[of.index : of.index + 1])

    def spans(index: int) -> list[Span]:
        is_semi = kinds() and kinds()[index].startswith("kSemi")
        return [(0.0, 0.0), bounds()[index]] if is_semi else [bounds()[index]]

    return Variables(names=named, place=place, called=called, spans=spans)


def title(model: Any) -> str:
    """What the model is called."""
    return str(lp(model).model_name_)


def maximizes(model: Any) -> bool:
    """Whether more is better."""
    return int(lp(model).sense_) < 0


def has_integers(model: Any) -> bool:
    """Whether it is searched by a tree: some variables are not continuous."""
    return any(map(int, lp(model).integrality_))


def text(model: Any) -> bytes:
    """The whole model as bytes, equal where and only where the models are."""
    return b"\0".join(
        name.encode() + b"=" + (value.tobytes() if isinstance(value, array) else repr(value).encode())
        for name, value in sorted(parts(model).items())
    )


def parts(model: Any) -> Parts:
    """All that a model is, as plain values: numbers exactly as they are."""
    found = lp(model)
    whole: Parts = {
        "name": found.model_name_, "sense": int(found.sense_), "offset": found.offset_,
        "col_names": list(found.col_names_), "row_names": list(found.row_names_),
        "integrality": array("b", map(int, found.integrality_)), **_numbers(found, _OF_LP, ""),
        "matrix_format": int(found.a_matrix_.format_), **_numbers(found.a_matrix_, _OF_MATRIX, "matrix "),
    }  # fmt: skip
    hessian = model.getModel().hessian_ if hasattr(model, "getModel") else getattr(model, "hessian_", None)
    if hessian is not None and hessian.dim_:
        whole["hessian_format"] = int(hessian.format_)
        whole["hessian_dim"] = hessian.dim_
        whole.update(_numbers(hessian, _OF_MATRIX, "hessian "))
    return whole


def rebuilt(found: Mapping[str, Any]) -> Any:
    """The HighsModel of these parts."""
    import highspy

    model = highspy.HighsModel()
    target = model.lp_
    target.num_col_, target.num_row_ = len(found["col_cost_"]), len(found["row_lower_"])
    target.model_name_, target.offset_ = found["name"], found["offset"]
    target.sense_ = highspy.ObjSense(found["sense"])
    target.col_names_, target.row_names_ = found["col_names"], found["row_names"]
    target.integrality_ = [highspy.HighsVarType(kind) for kind in found["integrality"]]
    _put(target, _OF_LP, found, "")
    matrix = target.a_matrix_
    matrix.num_col_, matrix.num_row_ = target.num_col_, target.num_row_
    matrix.format_ = highspy.MatrixFormat(found["matrix_format"])
    _put(matrix, _OF_MATRIX, found, "matrix ")
    if "hessian_dim" in found:
        model.hessian_.dim_ = found["hessian_dim"]
        model.hessian_.format_ = highspy.HessianFormat(found["hessian_format"])
        _put(model.hessian_, _OF_MATRIX, found, "hessian ")
    return model


def changed_options(model: Any) -> dict[str, Any]:
    """The options of a Highs that are not as they are by default."""
    import highspy

    default, own = highspy.HighsOptions(), model.getOptions()
    known = [name for name in dir(own) if not name.startswith("_")]
    return {name: getattr(own, name) for name in known if getattr(own, name) != getattr(default, name, None)}


def solution(model: Any) -> Sequence[float]:
    """The values that a Highs holds, of its last run or to start from; none where it has none."""
    found = model.getSolution()
    return list(found.col_value) if found.value_valid else ()


def place(of: Any) -> int | None:
    """The place of a variable in its model; None for anything else."""
    return int(of.index) if type(of).__name__ == "highs_var" else None


def holder(part: Any) -> Any:
    """The Highs that a variable or constraint is of, where it is there; newer ones refer to it weakly."""
    try:
        return None if part.highs is None else part.highs.silent.__self__
    except ReferenceError:
        return None


def value(of: Any, vector: Sequence[float], known: Sequence[str]) -> Any:
    """The value of a variable or of a linear expression of the model, or of an array of them."""
    if hasattr(of, "flat"):
        import numpy as np

        return np.array([_valued(each, vector, known) for each in of.flat], dtype=float).reshape(of.shape)
    return _valued(of, vector, known)


def _valued(of: Any, vector: Sequence[float], known: Sequence[str]) -> float:
    index = place(of)
    if index is not None:
        highs = holder(of)
        belonging.check(
            index, known, called=lambda: _called(highs, index), model=highs,
            state=None if highs is None else highs.getNumCol(), there=lambda: names(highs),
        )  # fmt: skip
        return float(vector[index])
    if type(of).__name__ == "highs_linear_expression":
        if of.bounds is not None:
            raise InvalidModel(COMPARISON)
        # expressions know places only
        belonging.check(max(of.idxs, default=-1), known, called=str, model=None, state=None, there=tuple)
        terms = zip(of.idxs, of.vals, strict=True)
        return float(sum(factor * vector[index] for index, factor in terms) + (of.constant or 0.0))
    raise InvalidModel(f"value() got {type(of).__name__!r}: give a variable or a linear expression of highspy.")


def _called(highs: Any, index: int) -> str:
    """What a variable is called; highspy itself raises an error where no variable of the model has a name."""
    return "" if highs is None else "".join(names(highs)[index : index + 1])


def put_hint(model: Any, pairs: Iterable[tuple[int, float]]) -> None:
    """Give a Highs values to start from, of all variables or of some, by their places."""
    import numpy as np

    if not hasattr(model, "setSolution"):
        raise InvalidModel(f"hint_into() got {type(model).__name__!r}: give the Highs that holds the model.")
    places, values = zip(*pairs, strict=True)
    model.setSolution(len(places), np.array(places, dtype=np.int32), np.array(values, dtype=np.float64))


def _numbers(source: Any, kinds: Mapping[str, str], prefix: str) -> Parts:
    return {prefix + name: array(kind, getattr(source, name)) for name, kind in kinds.items()}


def _put(target: Any, kinds: Mapping[str, str], found: Mapping[str, Any], prefix: str) -> None:
    for name in kinds:
        setattr(target, name, list(found[prefix + name]))
