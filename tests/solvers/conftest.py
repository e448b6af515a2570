"""The ground of the suite: for each family of adapters a process of its own, which all tests of a module share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.solvers.adapters import Adapter
from tests.solvers.apart import Apart, process_apart


@pytest.fixture(scope="module")
def families() -> Iterator[dict[str, Apart]]:
    """A process for each library, started with the first test that needs it."""
    with ExitStack() as stack:
        yield _Families(stack)


class _Families(dict[str, Apart]):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, family: str) -> Apart:
        self[family] = self._stack.enter_context(process_apart())
        return self[family]


@pytest.fixture(scope="module")
def apart(adapter: Adapter, families: dict[str, Apart]) -> Apart:
    """The process that the adapter's library is loaded in; it is there before the test, which leaves none behind."""
    return families[adapter.family]


@pytest.fixture(scope="module")
def bare(families: dict[str, Apart]) -> Apart:
    """A process without any solver."""
    return families["bare"]
