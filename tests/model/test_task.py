"""Functions registered under a name."""

import functools
import inspect
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model import task


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    """Each test has the registry to itself."""
    before = dict(task.registered())
    yield
    task._REGISTERED.clear()
    task._REGISTERED.update(before)


def double(value: int, times: int = 2) -> int:
    """Times two."""
    return value * times


def test_a_task_is_called_as_its_function() -> None:
    """It has the function's signature, name and docstring, and gives its value."""
    found = task.register(double, "math.double", {"timeout": 5})
    assert found(3, times=3) == 9
    assert (found.name, found.fn, found.options) == ("math.double", double, {"timeout": 5})
    assert (found.__doc__, found.__name__) == ("Times two.", "double")  # type: ignore[attr-defined]
    assert inspect.signature(found) == inspect.signature(double)


def test_a_task_is_found_by_its_name() -> None:
    """The registry tells what is registered here, and nothing else."""
    found = task.register(double)
    assert task.lookup("double") is found
    assert task.registered()["double"] is found
    assert task.lookup("os.system") is None


def test_the_same_function_may_be_registered_again() -> None:
    """A cell that runs twice replaces its task."""

    def of_a_cell() -> int:
        return 1

    first = task.register(of_a_cell, "cell")
    second = task.register(of_a_cell, "cell", {"timeout": 1})
    assert task.lookup("cell") is second is not first


def test_a_name_stands_for_one_function() -> None:
    """Another function under a name that is taken is refused, naming both."""
    task.register(double, "work")
    with pytest.raises(ConfigurationError, match=r'"work" is taken by .*test_task\.double: give .*dumps another name'):
        task.register(pickle.dumps, "work")


@pytest.mark.parametrize("name", ["a\nb", "x" * 300])
def test_a_name_is_printable_text(name: str) -> None:
    """Names are shown to people: no control characters, no giants."""
    with pytest.raises(ConfigurationError):
        task.register(double, name)


def test_a_task_travels_with_its_code() -> None:
    """A task arrives as a task, and registers nothing where it arrives."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec("def local(x): return x + 1", namespace)
    local: Any = namespace["local"]
    made = task.Task(local, "local", {"timeout": 1})
    arrived = pickle.loads(cloudpickle.dumps(made))
    assert arrived(1) == 2
    assert (arrived.name, arrived.options) == ("local", {"timeout": 1})
    assert task.lookup("local") is None


class Scale:
    """Has a method and can be called itself."""

    def scaled(self) -> None:
        """Nothing."""

    def __call__(self) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("fn", "label"),
    [
        ("solve", "solve"),
        (double, "double"),
        (functools.partial(functools.partial(double, 1)), "double"),
        (Scale().scaled, "Scale.scaled"),
        (Scale(), "Scale"),
        ("a\n\ud800b" + "x" * 300, "a??b" + "x" * 196),
    ],
)
def test_a_function_has_a_label(fn: Callable[..., Any] | str, label: str) -> None:
    """The label is the qualified name, printable and at most 200 characters long."""
    assert task.function_label(fn) == label


def test_a_task_says_what_submits_it() -> None:
    """Names of other queues lead to the verbs; what is no such name is missing as anywhere."""
    made = task.Task(len, "length")
    said = "A Task has no 'delay': await nbqueue.submit(task, ...), as with any function."
    with pytest.raises(AttributeError, match=re.escape(said)):
        made.delay  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="'Task' object has no attribute 'nosuch'"):
        made.nosuch  # type: ignore[attr-defined]  # noqa: B018
    assert (hasattr(made, "delay"), pickle.loads(pickle.dumps(made)).name) == (False, "length")
