"""Variables of the same name, without a name, and of other models: what a solution says of them."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import pytest

from nbqueue.broker import codec
from nbqueue.errors import ConfigurationError, InvalidModel
from nbqueue.solvers import belonging
from nbqueue.solvers.solution import Solution, Status
from tests.solvers.apart import Apart

FAMILIES = {"cpsat": "ortools", "mathopt": "ortools", "highs": "highspy"}


@pytest.fixture(scope="module", params=FAMILIES)
def library(request: pytest.FixtureRequest) -> str:
    """Whose models."""
    return str(request.param)


@pytest.fixture(scope="module")
def family(library: str, families: dict[str, Apart]) -> Apart:
    """A process with it."""
    return families[FAMILIES[library]]


def _model(library: str, *fixed: tuple[str, int]) -> tuple[Any, list[Any]]:
    """A model of variables with these names and values."""
    if library == "cpsat":
        from ortools.sat.python import cp_model

        model = cp_model.CpModel()
        return model, [model.new_int_var(value, value, name) for name, value in fixed]
    if library == "mathopt":
        from ortools.math_opt.python import mathopt

        other = mathopt.Model()
        return other, [other.add_integer_variable(lb=value, ub=value, name=name) for name, value in fixed]
    from highspy import Highs

    highs = Highs()
    highs.silent()
    return highs, [highs.addIntegral(lb=value, ub=value, name=name or None) for name, value in fixed]


def _solve(library: str, model: Any, **options: Any) -> Solution:
    found: Solution = import_module(f"nbqueue.solvers.{library}").solve(model, **options)
    return found


def _add(library: str, model: Any, name: str) -> None:
    """One more variable."""
    if library == "cpsat":
        model.new_int_var(0, 1, name)
    else:
        getattr(model, {"mathopt": "add_variable", "highs": "addVariable"}[library])(name=name)


def _shared(library: str) -> tuple[Any, list[float], list[float], str]:
    model, variables = _model(library, ("v", 1), ("", 2), ("v", 3), ("w", 4))
    found = _solve(library, model)
    with pytest.raises(LookupError) as refused:
        found.value("v")
    own = [found.value(each) for each in variables]
    return found.values, own, [found.value(0), found.value("w")], str(refused.value)


def test_a_name_that_several_have_stands_for_none(library: str, family: Apart) -> None:
    """Nothing is left out: what has no name of its own is there by its place, and a shared name is refused."""
    if library == "mathopt":  # it refuses such models itself
        with pytest.raises(InvalidModel, match="duplicate name inserted: v"):
            family.call(_shared, library)
        return
    values, own, others, said = family.call(_shared, library)
    assert values == {0: 1, 1: 2, 2: 3, "w": 4}
    assert (own, others) == ([1, 2, 3, 4], [1, 4])
    assert said == '2 variables of this model are called "v": ask with the variable itself.'


def _hinted(library: str, hint: dict[Any, int]) -> str:
    try:
        _solve(library, _model(library, ("v", 1), ("v", 3))[0], hint=hint)
    except ConfigurationError as error:
        return str(error)
    return ""


def test_so_is_the_name_in_a_hint(library: str, family: Apart) -> None:
    """By their places they can be told apart."""
    said = 'hint names a variable "v", and 2 variables of the model are called so: give the variable itself, or its '
    assert family.call(_hinted, library, {"v": 1}) == f"{said}place."
    if library != "mathopt":
        assert family.call(_hinted, library, {0: 1, 1: 3}) == ""


def _refusals(library: str) -> list[str]:
    """What is said of variables of others, and of an expression of them."""
    found = _solve(library, _model(library, ("a", 1), ("b", 2))[0])
    others = [_model(library, *fixed) for fixed in ([("a", 7)], [("a", 7), ("c", 8)], [("a", 1), ("b", 2), ("c", 3)])]
    said = []
    for asked in (others[0][1][0], others[1][1][1], others[2][1][2], 2 * others[2][1][2] + 1):
        with pytest.raises(InvalidModel) as refused:
            found.value(asked)
        said.append(str(refused.value))
    return said


def test_a_variable_of_another_model_is_refused(library: str, family: Apart) -> None:
    """As far as its place, and the names and number of its model's variables tell; an expression knows less."""
    short, renamed, beyond, expression = family.call(_refusals, library)
    of = "which is not of the model that was solved: "
    assert short == f'value() got the variable "a", {of}that has 2 variables, and the model of this one 1.'
    assert renamed == f'value() got the variable "c", {of}number 2 is "b" there, and "c" in the model of this one.'
    assert beyond == f'value() got the variable "c", {of}that has 2 variables, and this is number 3 of its model.'
    assert f"{of}that has 2 variables, and this is number 3 of its model." in expression


def _elsewhere(library: str) -> tuple[list[float], float]:
    model, variables = _model(library, ("a", 1), ("b", 2))
    there = codec.load_value(codec.dump_value(_solve(library, model)))
    return [there.value(each) for each in variables], there.value(variables[0] + 3 * variables[1])


def test_the_model_s_own_variables_read_what_comes_back(library: str, family: Apart) -> None:
    """A solution that has travelled is read by the variables that stayed."""
    assert family.call(_elsewhere, library) == ([1, 2], 7)


def _grown(library: str) -> float:
    model, (first,) = _model(library, ("a", 5))
    found = _solve(library, model)
    _add(library, model, "b")
    return float(found.value(first))


def test_a_model_may_have_grown_since(library: str, family: Apart) -> None:
    """What was there when it was solved is still told."""
    assert family.call(_grown, library) == 5


def _unnamed(library: str, *, then: str) -> tuple[list[float], float, str]:
    model, variables = _model(library, ("", 1), ("", 2))
    found = _solve(library, model)
    if then:
        _add(library, model, then)
    with pytest.raises(InvalidModel) as refused:
        found.value(_model(library, ("", 7), ("", 8), ("", 9))[1][2])
    return [found.value(each) for each in variables], found.value(2 * variables[0] + variables[1]), str(refused.value)


def test_variables_without_names_are_read(library: str, family: Apart) -> None:
    """Where no variable of the model has one, and where one came later."""
    for then in ("", "b"):
        values, sum_, said = family.call(_unnamed, library, then=then)
        assert (values, sum_) == ([1, 2], 4)
        assert said == (
            "value() got a variable, which is not of the model that was solved: that has 2 variables, and this is "
            "number 3 of its model."
        )


def _unnamed_array() -> list[float]:
    from highspy import Highs

    model = Highs()
    model.silent()
    array = model.addVariables(3, lb=2, ub=2)
    values: list[float] = _solve("highs", model).value(array).tolist()
    return values


def test_an_array_of_variables_without_names_is_read(families: dict[str, Apart]) -> None:
    """As highspy makes them."""
    assert families["highspy"].call(_unnamed_array) == [2, 2, 2]


def _compared(library: str) -> int:
    """How often the names are compared for two solutions that are read in turn, and by an expression."""
    asked: list[Sequence[str]] = []
    check = belonging.check

    def counted(*args: Any, there: Callable[[], Sequence[str]], **options: Any) -> None:
        def names() -> Sequence[str]:
            asked.append(there())
            return asked[-1]

        check(*args, there=names, **options)

    model, variables = _model(library, *((f"x{index}", index) for index in range(40)))
    first, second = _solve(library, model), _solve(library, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(belonging, "check", counted)
        for place, each in enumerate(variables):
            assert first.value(each) == second.value(each) == place
        assert first.value(sum(variables[1:], 1 * variables[0])) == sum(range(40))
    return len(asked)


def test_names_are_compared_once_for_all_variables(library: str, family: Apart) -> None:
    """However many values are read, of one solution or of several in turn."""
    assert family.call(_compared, library) == 1


def test_places_end_with_the_model() -> None:
    """A place beyond it, or before its beginning, is refused in a sentence."""
    found = Solution(solver="any", status=Status.OPTIMAL, names=("a", ""), vector=(1, 2))
    assert (found.value(1), found.values) == (2, {"a": 1, 1: 2})
    for place in (2, -1):
        with pytest.raises(LookupError, match=f"no variable at place {place}: it has 2, from 0 on"):
            found.value(place)
