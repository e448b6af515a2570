"""What cannot be pickled or rebuilt, on the way there, on the worker or on the way back: told by name and place."""

import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbqueue import JobFailed, NotSendable, run, submit
from nbqueue.errors import NbqueueError
from tests.waiting import SLACK

pytestmark = pytest.mark.usefixtures("client", "unharmed")

TOLD_S = 2 * 0.1


class Holder:
    """Something with an attribute."""

    def __init__(self, model: object) -> None:
        self.model = model


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Installs a module for this process alone: the worker does not have it."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    names: list[str] = []

    def install(name: str, text: str) -> ModuleType:
        (folder / f"{name}.py").write_text(text)
        names.append(name)
        return importlib.import_module(name)

    yield install
    for name in names:
        del sys.modules[name]


def unsendable() -> dict[str, tuple[Any, str]]:
    """Values that cannot travel, with the place that is to be named."""
    return {
        "lock": (threading.Lock(), "args[0]"), "attribute": (Holder(threading.Lock()), "args[0].model"),
        "deep": ({"a": [1, (2, Holder(threading.Lock()))]}, "args[0]['a'][1][1].model"),
        "generator": ((number for number in range(3)), "args[0]"),
        "frame": ({"m": [sys._getframe()]}, "args[0]['m'][0]"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", unsendable())
def test_an_argument_that_cannot_travel_is_named_at_the_call(kind: str) -> None:
    """Within a tenth of a second, by its path, before anything is sent."""
    value, path = unsendable()[kind]
    began = time.monotonic()
    with pytest.raises(NotSendable) as caught:
        submit(print, value)
    assert time.monotonic() - began < TOLD_S * SLACK
    assert caught.value.path == path
    assert path in str(caught.value)


def test_a_module_that_the_worker_lacks_is_named(installed: Callable[[str, str], ModuleType]) -> None:
    """The job fails, and its error says which module is to be installed for which Python."""
    module = installed("only_here_a", "class Thing:\n    pass\n")
    with pytest.raises(JobFailed) as caught:
        run(print, module.Thing()).wait(10)
    assert caught.value.error_type == "NotSendable"
    assert 'needs the module "only_here_a", which is missing here: install it for Python 3.' in str(caught.value)


def test_a_name_that_the_workers_version_lacks_is_named() -> None:
    """The same for a class of a module that the worker has in another version."""

    class Newer:
        """What a newer version of a module of the standard library might have."""

    Newer.__module__, Newer.__qualname__, Newer.__name__ = "fractions", "Newer", "Newer"
    fractions: Any = importlib.import_module("fractions")
    fractions.Newer = Newer
    try:
        with pytest.raises(JobFailed, match=r"Newer.*install the same version") as caught:
            run(print, Newer()).wait(10)
    finally:
        del fractions.Newer
    assert caught.value.error_type == "NotSendable"


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), RecursionError("deep")], ids=repr
)
def test_an_argument_that_raises_when_it_is_rebuilt_fails_its_job(error: BaseException) -> None:
    """Whatever it raises: that job fails and says so, and the next one runs."""

    class Trap:
        """Raises where it is rebuilt."""

        def __init__(self, error: BaseException) -> None:
            self.error = error

        def __reduce__(self) -> tuple[Any, ...]:
            return _raise, (self.error,)

    with pytest.raises(NbqueueError) as caught:
        run(print, Trap(error)).wait(10)
    assert isinstance(caught.value, JobFailed)
    assert type(error).__name__ in str(caught.value)
    assert run(len, "abc").wait(10) == 3


def _raise(error: BaseException) -> None:
    raise error


def give_lock() -> object:
    """A result that cannot travel."""
    return {"a": [Holder(threading.Lock())]}


async def give_lock_async() -> object:
    """The same from a coroutine."""
    return give_lock()


@pytest.mark.parametrize("function", [give_lock, give_lock_async])
def test_a_result_that_cannot_travel_fails_its_job(function: Callable[[], object]) -> None:
    """The error names the part of the result at fault."""
    with pytest.raises(JobFailed, match=r"\['a'\]\[0\]\.model") as caught:
        run(function).wait(10)
    assert caught.value.error_type == "NotSendable"


def test_an_error_that_cannot_travel_is_told_in_full() -> None:
    """Type, message, the worker's traceback with its lines, and the causes: as text, where the object cannot come."""

    class Stubborn(Exception):
        """Holds what cannot travel, and cannot be made again."""

        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} and {two}")
            self.lock = threading.Lock()

    def fail() -> None:
        try:
            1 / 0  # noqa: B018 - it is to raise
        except ZeroDivisionError as error:
            raise Stubborn(1, 2) from error

    with pytest.raises(JobFailed, match="1 and 2") as caught:
        run(fail).wait(10)
    assert caught.value.error_type == "Stubborn"
    told = caught.value.remote_traceback
    for part in ("ZeroDivisionError", "direct cause", "raise Stubborn(1, 2) from error", "in fail"):
        assert part in told


def test_an_error_of_a_class_that_only_the_worker_has_is_told_in_full() -> None:
    """Its type and message come as text."""
    with pytest.raises(JobFailed, match="only there") as caught:
        run("fail_there").wait(10)
    assert (caught.value.error_type, caught.value.__cause__) == ("OnlyThere", None)
    assert "raise only_there.OnlyThere" in caught.value.remote_traceback


def test_a_value_of_a_class_that_only_the_worker_has_is_named() -> None:
    """Asking for the value says which module is missing here; the job has succeeded all the same."""
    job = submit("value_there").wait(5)
    with pytest.raises(NotSendable, match='needs the module "only_there", which is missing here'):
        job.wait(10)
    assert job.info().wait(5).state == "succeeded"
