"""A JupyterLab with a server and a worker behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbqueue.model.settings import Settings
from tests.browser.lab import Lab, running_lab
from tests.workers import running_worker


@pytest.fixture
def app() -> str:
    """What shows the notebooks; a module that tests another one has a fixture of that name."""
    return "jupyterlab"


@pytest.fixture
def lab(settings: Settings, tmp_path: Path, app: str, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A JupyterLab, or another app, whose kernels submit to the test's server; its parameter names a theme."""
    theme = getattr(request, "param", "JupyterLab Light")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    environ = {
        "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }  # fmt: skip
    with running_worker(settings, "--slots", "2"), running_lab(folder, theme=theme, app=app, **environ) as lab:
        yield lab
