"""What tests of the notebook stand on: the ipykernel of their kernels, a shell, a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.notebook import ipykernels
from tests.notebook.shells import running_shell
from tests.workers import running_worker


@pytest.fixture(scope="module", autouse=True)
def ipykernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """The requirement, "" for the installed one; a test may ask for others by `indirect` parameters."""
    wanted = os.environ.get(ipykernels.WANTED, "")
    requirement = wanted or getattr(request, "param", "")
    with pytest.MonkeyPatch.context() as patch:
        if requirement:
            folder = ipykernels.folder_of(requirement, request.config.cache.mkdir("ipykernels"))
            if folder is None:
                (pytest.fail if wanted else pytest.skip)(f"pip could not install {requirement} and its dependencies.")
            patch.setenv(ipykernels.AT, str(folder))
        yield requirement


@pytest.fixture
def shell(settings: Settings) -> Iterator[Any]:
    """A shell that uses the test's server."""
    nbqueue.configure(settings)
    with running_shell() as shell:
        shell.run_line_magic("load_ext", "nbqueue")
        yield shell


@pytest.fixture
def worker(settings: Settings) -> Iterator[None]:
    """A worker of that server."""
    with running_worker(settings, "--slots", "2"):
        yield
