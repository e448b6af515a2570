"""What tests of children stand on: one listener, and children that report to it."""

from collections.abc import AsyncIterator

import pytest

from nbqueue.children.pool import Children
from tests.children.listening import Heard, open_children


@pytest.fixture
def heard() -> Heard:
    """What the children's runs reported."""
    return Heard()


@pytest.fixture
async def children(heard: Heard) -> AsyncIterator[Children]:
    """Children with one slot."""
    async with open_children(heard, slots=1) as found:
        yield found
