"""Functions that a worker knows by name, for tests over HTTP."""

import time
from datetime import date
from pathlib import Path
from typing import Any

import nbqueue


@nbqueue.task("add")
def add(left: float, right: float = 1) -> float:
    """Their sum."""
    return left + right


@nbqueue.task("echo")
def echo(*args: Any, **kwargs: Any) -> Any:
    """What was given."""
    return {"args": args, "kwargs": kwargs}


@nbqueue.task("fail")
def fail(text: str) -> None:
    """Nothing: it raises."""
    raise ValueError(text)


@nbqueue.task("nap")
def nap(seconds: float) -> str:
    """A word, later."""
    nbqueue.log("lies down")
    end = time.monotonic() + seconds
    while time.monotonic() < end and not nbqueue.should_stop():
        nbqueue.progress(1, 2, "asleep")
        time.sleep(0.02)
    return "awake"


@nbqueue.task("today")
def today() -> dict[str, Any]:
    """Plain values that JSON does not have, and some it has."""
    return {"day": date(2026, 1, 2), "some": {3}, "pair": (1, 2)}


@nbqueue.task("odd")
def odd() -> Path:
    """A value that is no plain data."""
    return Path("/odd")


@nbqueue.task("not_a_number")
def not_a_number() -> float:
    """A number that JSON does not have."""
    return float("nan")


@nbqueue.task("much")
def much(length: int) -> range:
    """Few bytes that stand for many."""
    return range(length)


@nbqueue.task("letters")
def letters(length: int) -> str:
    """A text of so many bytes."""
    return "x" * length
