"""Which ipykernel the kernels of these tests are of."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.notebook import ipykernels


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
