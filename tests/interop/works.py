"""Functions that executors are given in tests; in a module, as processes of the standard library need them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

_begun: list[str] = []


class OwnError(Exception):
    """An error with more than a message."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.code = code


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def power(base: int, exponent: int = 2) -> int:
    """The power."""
    return int(base**exponent)


def fails(code: int) -> str:
    """Raises an error of a class of its own."""
    raise OwnError("not today", code)


def inverse(number: int) -> float:
    """One by the number."""
    return 1 / number


def lock(number: int) -> object:
    """Gives what cannot travel, where it has to."""
    del number
    return threading.Lock()


def ident(thing: object) -> str:
    """Takes anything."""
    return type(thing).__name__


def note(ledger: str, name: str) -> str:
    """Writes that it ran."""
    _write(ledger, "ran", name)
    return name


def hold(ledger: str, name: str, gate: str) -> str:
    """Runs until the gate is there, at most half a minute."""
    _write(ledger, "begin", name)
    end = time.monotonic() + 30
    while not Path(gate).exists() and time.monotonic() < end:
        time.sleep(0.01)
    _write(ledger, "end", name)
    return name


def begin(word: str) -> None:
    """An initializer."""
    _begun.append(word)


def begun(_: object) -> list[str]:
    """What the initializers of this process were given, since the last time."""
    return list(_begun)


def refuse() -> None:
    """An initializer that fails."""
    raise ValueError("no room")


async def later(number: int) -> int:
    """A coroutine function."""
    return number + 1


def die(_: object) -> None:
    """Ends its process."""
    os._exit(3)


def _write(ledger: str, word: str, name: str) -> None:
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write(f"{word} {name} {os.getpid()} {time.monotonic()}\n")


def nest(numbers: list[int]) -> list[int]:
    """Submits in a job, and waits there."""
    from nbqueue.executor import Executor

    with Executor() as executor:
        return list(executor.map(double, numbers))


def give_up(ledger: str, gate: str) -> list[bool]:
    """Cancels, in a job, a call that runs and one behind it; then lets the first one end."""
    from nbqueue.executor import Executor

    with Executor(max_workers=1) as executor:
        first = executor.submit(hold, ledger, "inner", gate)
        behind = executor.submit(note, ledger, "behind")
        while "begin inner" not in (Path(ledger).read_text() if Path(ledger).exists() else ""):
            time.sleep(0.01)
        found = [first.cancel(), behind.cancel()]
        Path(gate).touch()
        return [*found, first.result() == "inner"]


def crowd(folder: str, name: int) -> int:
    """How many of these run at once, at most, while this one does."""
    own = Path(folder) / str(name)
    own.touch()
    most = 0
    for _ in range(10):
        most = max(most, len(list(Path(folder).iterdir())))
        time.sleep(0.02)
    own.unlink()
    return most


def busy(seconds: float) -> None:
    """Sleeps."""
    time.sleep(seconds)


def pid(_: object) -> int:
    """The process that it runs in."""
    return os.getpid()


def inner_backend(number: int) -> tuple[str, list[int]]:
    """What a `Parallel` within a call runs on, and what it gives."""
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    found = Parallel(n_jobs=2)(delayed(double)(each) for each in range(number))
    return type(get_active_backend()[0]).__name__, found


def in_a_job(number: int) -> list[int]:
    """Uses the backend within a job."""
    from joblib import Parallel, delayed, parallel_config

    import nbqueue.joblib  # noqa: F401 - registers

    with parallel_config(backend="nbqueue", n_jobs=2):
        return list(Parallel()(delayed(double)(each) for each in range(number)))
