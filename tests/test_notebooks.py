"""The notebooks: stored without outputs, and each runs from its first to its last cell."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from nbqueue.local import stack
from nbqueue.model.settings import Settings
from tests.waiting import SLACK

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STORIES = [path for path in NOTEBOOKS if path.stem != "dashboard"]
#: seconds that a story takes at most
STORY_S = 120


def _story(path: Path) -> Any:
    """The first of them runs in each run of the tests, the others with those that take long."""
    marks = () if path.stem == "first-look" else (pytest.mark.slow,)
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    """It is valid, holds no output and no number of a run, and runs with whatever Python 3 is there."""
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)
    assert book.metadata["kernelspec"]["name"] == "python3"


@pytest.mark.timeout(STORY_S * SLACK + 60)
@pytest.mark.parametrize("path", [*map(_story, STORIES)])
def test_a_notebook_runs_from_start_to_end(path: Path, home: Path, tmp_path: Path) -> None:
    """No cell raises, none warns, and pictures and tables are there; the local stack started by itself."""
    shutil.copytree(path.parent, tmp_path, dirs_exist_ok=True)
    book = nbformat.read(path, as_version=4)
    client = NotebookClient(book, timeout=STORY_S * SLACK, resources={"metadata": {"path": str(tmp_path)}})
    settings = Settings(home=home)
    try:
        begun = time.monotonic()
        client.execute(env={**os.environ, "NBQUEUE_HOME": str(home), "PYTHONPATH": str(ROOT)})
        assert time.monotonic() - begun < STORY_S * SLACK
        assert stack.server_is_up(settings)
    finally:
        stack.stop(settings)
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    warned = [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert warned == []
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert {"image/png", "text/html"} <= kinds
