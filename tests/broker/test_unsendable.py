"""What cannot travel is refused in a sentence that names the part at fault."""

import functools
import io
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nbqueue.broker import codec
from nbqueue.errors import NotSendable
from tests.broker.journeys import there_and_back
from tests.waiting import SLACK

LOCK = threading.Lock()


def add(first: int, second: int = 0) -> int:
    """A function with a global."""
    return first + second


@dataclass
class Model:
    """A class of a local module."""

    rate: float
    parts: object = None

    def scaled(self, value: float) -> float:
        """A method."""
        return self.rate * value


def uses_lock() -> object:
    """Holds a global that cannot travel."""
    return [LOCK for _ in range(1)]


def refusal(fn: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> NotSendable:
    """The error that sending a call raises."""
    with pytest.raises(NotSendable) as caught:
        codec.dump_call(fn, args, kwargs)
    return caught.value


def test_an_argument_at_fault_is_named(tmp_path: Path) -> None:
    """The sentence names parameter, kind of thing, where it sits and what to do; the path is an attribute."""
    with (tmp_path / "model.log").open("w") as log:
        told = refusal(add, Model(1.0, parts={"logs": [log]}))
    assert str(told) == (
        f'Argument "first" cannot be sent: it holds an open file ({tmp_path}/model.log) at '
        "args[0].parts['logs'][0]. Close it, or pass its path."
    )
    assert told.path == "args[0].parts['logs'][0]"


def test_an_open_file_is_refused_rather_than_read(tmp_path: Path) -> None:
    """The contents of a file open for reading are not sent unasked."""
    path = tmp_path / "data.txt"
    path.write_text("secret")
    with path.open() as file:
        assert str(refusal(add, second=file)) == (
            f'Argument "second" cannot be sent: it is an open file ({path}). Close it, or pass its path.'
        )
    assert there_and_back(lambda out: out is sys.stdout, sys.stdout)
    assert there_and_back(lambda text: text.read(), io.StringIO("kept")) == "kept"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (LOCK, "it is a lock. Create it inside the function."),
        ((each for each in "ab"), "it is a generator. Pass list(...) of it"),
        (threading.Thread(), "it is a thread. Start it inside the function."),
        (sys._getframe(), "it is a traceback. Pass its text."),
        (memoryview(b"").__iter__(), "memory_iterator (cannot pickle 'memory_iterator' object)"),
    ],
    ids=["lock", "generator", "thread", "frame", "other"],
)
def test_what_it_is_is_said(value: object, what: str) -> None:
    """Common things that cannot travel are called by their names, others by their types."""
    told = str(refusal(add, value))
    assert told.startswith('Argument "first" cannot be sent: ')
    assert what in told


def test_a_global_at_fault_is_named() -> None:
    """A function's globals and closure variables are named, also those that only an inner function uses."""
    held = LOCK
    assert str(refusal(uses_lock)) == (
        'Function "uses_lock" cannot be sent: it holds a lock in its global "LOCK". Create it inside the function.'
    )
    assert 'it holds a lock in its variable "held"' in str(refusal(lambda: held))
    assert "it holds a lock at .args[0]" in str(refusal(functools.partial(print, LOCK)))
    assert refusal(Model(1.0, parts=LOCK).scaled).path == ".__self__.parts"


@pytest.mark.parametrize("name", ["get_ipython", "display"])
def test_a_function_that_needs_the_notebook_is_refused(name: str) -> None:
    """There is no notebook on a worker; a variable or attribute of that name is another matter."""
    namespace: dict[str, Any] = {"__name__": "__main__", "own": SimpleNamespace(**{name: int})}
    exec(f"def uses(): return [{name}() for _ in range(1)]\ndef fine(): return own.{name}()", namespace)
    told = refusal(namespace["uses"])
    assert f"it uses {name}(), and there is no notebook on a worker" in str(told)
    assert there_and_back(namespace["fine"]) == 0


def test_an_error_of_the_users_own_is_told() -> None:
    """What a class of the user's raises while it is pickled is in the sentence."""

    class Sealed:
        def __reduce__(self) -> str:
            raise ValueError("not without the owner")

    assert "ValueError: not without the owner" in str(refusal(add, Sealed()))
    with pytest.raises(NotSendable, match=r"^The result cannot be sent: it holds .*Sealed.* at result\[0\]"):
        codec.dump_value([Sealed()])


def test_the_part_at_fault_is_found_quickly() -> None:
    """Finding it beside large data and below many levels takes no longer than a tenth of a second or so."""
    deep: Any = LOCK
    for _ in range(20):
        deep = {"next": deep, "data": list(range(100))}
    began = time.monotonic()
    told = refusal(add, SimpleNamespace(big=np.zeros(2_000_000), deep=deep))
    assert told.path.startswith("args[0].deep['next']")
    assert time.monotonic() - began < 0.5 * SLACK
