"""What tests of the command line stand on."""

import pytest


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable server is reported after a second."""
    monkeypatch.setenv("NBQUEUE_CONNECT_TIMEOUT_S", "1")
