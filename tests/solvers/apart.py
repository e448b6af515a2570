"""Processes apart for solvers: two of their libraries cannot share one, and the process of the tests has many."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: solvers are imported within this, on a busy machine too
PATIENCE_S = 100.0


class Apart:
    """One fresh process that runs functions of modules, one after another."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def call(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function gives there; raises what it raises."""
        return self._executor.submit(fn, *args, **kwargs).result(PATIENCE_S)


@contextmanager
def process_apart() -> Iterator[Apart]:
    """A fresh process, gone after the block."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        found = Apart(executor)
        found.call(int)
        yield found
