"""A local stack of the test's own, ended with the test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbqueue.local import stack
from nbqueue.model.settings import Settings
from tests.local.stacks import Stack


@pytest.fixture
def settings(home: Path) -> Iterator[Settings]:
    """Settings of a local stack that does not end itself; what runs in its home is ended after the test."""
    settings = Settings(home=home, idle_stop_s=0, server_memory_bytes=64 * 2**20)
    yield settings
    if sys.platform != "win32":
        stack.stop(settings)


@pytest.fixture
def local(settings: Settings) -> Stack:
    """The local stack with a stand-in for the worker; nothing runs yet."""
    return Stack(settings)
