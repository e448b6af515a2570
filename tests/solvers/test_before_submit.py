"""What is refused where a job is submitted, and what its card says; no server is asked, and often no solver."""

from importlib import import_module
from typing import Any

import pytest

from nbqueue import solvers
from nbqueue.client.submission import draft_one
from nbqueue.errors import ConfigurationError, InvalidModel, NotSendable
from nbqueue.model.settings import Settings
from nbqueue.model.task import Task
from tests.solvers.adapters import ADAPTERS, Adapter
from tests.solvers.apart import Apart

every = pytest.mark.parametrize("adapter", ADAPTERS, ids=str, scope="module")
LP = "Minimize\n obj: x\nEnd\n"


def drafted(fn: Any, *args: Any, **kwargs: Any) -> str | None:
    """The label of a job that is not sent."""
    return draft_one(Settings(), fn, args, kwargs, {}).order.options.label


def _drafted(adapter: Adapter, name: str, **options: Any) -> tuple[str | None, str]:
    """With a model of the suite: the label, or what is said."""
    model, _ = adapter.model("knapsack")
    _call_it(model, name)
    try:
        return drafted(import_module(adapter.module).solve, model, **{**adapter.options, **options}), ""
    except (ConfigurationError, InvalidModel) as error:
        return None, str(error)


def _call_it(model: Any, name: str) -> None:
    """Give a model a name, in the way of its library."""
    if hasattr(model, "setProbName"):
        model.setProbName(name)
    elif hasattr(model, "getLp"):
        lp = model.getLp()
        lp.model_name_ = name
        model.passModel(lp)
    elif hasattr(model, "proto"):
        model.name = name


def _refused(adapter: Adapter, model: Any, options: dict[str, Any]) -> str:
    """What is said where no library is."""
    try:
        drafted(import_module(adapter.module).solve, model, **{**adapter.options, **options})
    except (ConfigurationError, InvalidModel) as error:
        return str(error)
    return ""


@every
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"time_limit": "soon"},
            "time_limit='soon' is no duration: give seconds, or text such as 90s, 5min, 2h or 1d.",
        ),
        (
            {"total_limit": 0},
            "total_limit=0 cannot be used: give seconds above 0, or text such as 90s or 5min, or None for no limit.",
        ),
        ({"gap": -0.1}, "gap=-0.1 cannot be used: give a fraction from 0, such as 0.01 for 1 %, or None for no limit."),
        ({"seed": "a"}, "seed='a' cannot be used: give a whole number, or None."),
        ({"params": 3}, 'params=3 cannot be used: give a dict by name, such as {"name": 1}.'),
        ({"log": "yes"}, "log='yes' cannot be used: give True or False."),
        (
            {"hint": "x0"},
            "hint='x0' cannot be used: give a Solution, a dict of values by variable or name, or all values.",
        ),
        ({"hint": {"x0": "no"}}, "hint gives x0 the value 'no': give numbers."),
    ],
    ids=["time_limit", "total_limit", "gap", "seed", "params", "log", "hint", "value"],
)  # fmt: skip
def test_arguments_are_judged_without_any_solver(
    adapter: Adapter, apart: Apart, options: dict[str, Any], said: str
) -> None:
    """At once, where the job is submitted."""
    assert apart.call(_drafted, adapter, "", **options) == (None, said)


@every
def test_what_is_no_model_is_refused_without_any_solver(adapter: Adapter, bare: Apart) -> None:
    """A process that has loaded no solver knows the classes by their names."""
    said = bare.call(_refused, adapter, {}, {})
    assert said.startswith(f"{adapter.module.rpartition('.')[2]}.solve cannot solve what it was given, dict: give a")


@every
def test_no_threads_are_too_few(adapter: Adapter, apart: Apart) -> None:
    """Whatever the solver has."""
    assert "threads=0" in apart.call(_drafted, adapter, "", threads=0)[1]


@every
def test_what_the_library_knows_is_asked_where_it_is_loaded(adapter: Adapter, apart: Apart) -> None:
    """As it is where a model of it is at hand: a misspelt parameter and a hint for nobody are refused at once."""
    wrong, right = adapter.wrong_parameter
    _, said = apart.call(_drafted, adapter, "", params={wrong: 1})
    assert f'has no parameter "{wrong}". Did you mean' in said
    assert right in said
    _, said = apart.call(_drafted, adapter, "", hint={"nobody": 1})
    assert said.startswith('hint names a variable "nobody" that is not in the model')


@every
def test_a_job_is_called_by_its_solver_and_its_model(adapter: Adapter, apart: Apart) -> None:
    """A model without a name leaves the solver."""
    solve = f"{adapter.module.rpartition('.')[2]}.solve"
    labels = [apart.call(_drafted, adapter, name) for name in ("boxes", "")]
    named = "" if adapter.name.startswith("mathopt") else " boxes"  # its models have their names from the beginning
    assert labels == [(solve + named, ""), (solve, "")]


@pytest.mark.parametrize("name", ["highs", "scip"])
def test_a_file_is_called_by_its_name(name: str) -> None:
    """A path has one, a text none; nothing is read, as the file may be the worker's."""
    solve = import_module(f"nbqueue.solvers.{name}").solve
    assert drafted(solve, "models/lseu.mps") == f"{name}.solve lseu.mps"
    assert drafted(solve, LP) == drafted(solve, LP.encode()) == f"{name}.solve"


def pack(items: list[int], room: int = 5) -> int:
    """Any function that solves."""
    return min(sum(items), room)


async def pack_later() -> None:
    """A coroutine function."""


def test_a_call_is_named_after_its_function() -> None:
    """The last part of its name; a task has its own."""
    assert drafted(solvers.call, pack, [1]) == "call pack"
    assert drafted(solvers.call, Task(pack, "jobs.pack"), [1]) == "call pack"
    highs = import_module("nbqueue.solvers.highs")
    assert drafted(solvers.call, highs.solve, LP) == "call highs.solve"


def test_a_call_that_cannot_be_made_is_refused_at_once() -> None:
    """No function, a coroutine function, arguments that do not fit, or that the function knows to be wrong."""
    for wrong in (5, pack_later):
        with pytest.raises(ConfigurationError, match=r"which is no plain function: give one"):
            drafted(solvers.call, wrong)
    with pytest.raises(NotSendable, match=r"pack cannot be called so: got an unexpected keyword argument 'rooom'"):
        drafted(solvers.call, pack, [1], rooom=3)
    with pytest.raises(ConfigurationError, match=r"gap=-1 cannot be used"):
        drafted(solvers.call, import_module("nbqueue.solvers.highs").solve, LP, gap=-1)
