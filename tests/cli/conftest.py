"""What tests of the command line stand on."""

import pytest


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable server is reported after a second, which is too soon for one that a busy machine keeps waiting."""
    monkeypatch.setenv("NBQUEUE_CONNECT_TIMEOUT_S", "1")
