"""What is left of cards in a notebook that a program has run: how each job stood at the end of the last cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import exporters

from nbqueue.model.settings import Settings
from tests.notebook.ipykernels import python_path
from tests.notebook.kernels import WIDGET
from tests.workers import running_worker

#: without types
_EXPORTERS: Any = exporters
CELLS = [
    """
import time
import nbqueue
def until(path):
    import os, time, nbqueue
    nbqueue.progress(1, 2, "half")
    while not os.path.exists(path):
        time.sleep(0.01)
    nbqueue.progress(2, 2, "whole")
ends = await nbqueue.submit(until, "{go}")
ends
""",
    'stays = await nbqueue.submit(until, "{never}")\nstays',
    'waits = await nbqueue.options(queue="nobody", label="<b>waits</b>").submit(until, "")\nwaits',
    """
open("{go}", "w").close()
while not all(live.complete for live in ends._lives):  # what the cards hear
    time.sleep(0.01)
while not all(live.record.progress.done for live in stays._lives):
    time.sleep(0.01)
""",
    "nbqueue.Queue()",
    "await nbqueue.attach()",
]


@pytest.fixture(params=[{}, {"NBQUEUE_WIDGETS": "0"}, {"NBQUEUE_NONINTERACTIVE": "1"}], ids=str)
def book(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A notebook as docs and reports run it, whose jobs nobody waits for: one ends, one runs, one has no worker."""
    environ = {
        "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home), "PYTHONPATH": python_path(),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1", **request.param,
    }  # fmt: skip
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    v4: Any = nbformat.v4
    paths = {"{go}": str(tmp_path / "go"), "{never}": str(tmp_path / "never")}
    found = v4.new_notebook(cells=[v4.new_code_cell(_filled(code, paths)) for code in CELLS])
    with running_worker(settings, "--slots", "2"):
        NotebookClient(found, timeout=60, kernel_name="python3").execute()
        (tmp_path / "never").touch()
    return found


def test_each_card_is_left_as_its_job_stood(book: Any) -> None:
    """Where nobody waited for it the saved card says how the job stood when the last cell ended, as text and HTML."""
    texts = [_told(cell, "text/plain") for cell in book.cells]
    pages = [_told(cell, "text/html") for cell in book.cells]
    assert [texts[0].startswith("✓ succeeded  until  2/2 (100%)"), "✓</span> succeeded" in pages[0]] == [True, True]
    assert [texts[1].startswith("► was running at "), "  until  1/2 (50%)" in texts[1]] == [True, True]
    assert "►</span> was running at " in pages[1]
    assert texts[2].startswith("○ was queued at ")
    assert "  <b>waits</b>" in texts[2]
    assert ("&lt;b&gt;waits" in pages[2], "<b>waits" in pages[2]) == (True, False)
    assert [WIDGET in output.get("data", {}) for output in book.cells[0].outputs].count(True) == 0
    rows = dict(line.split(maxsplit=1) for line in texts[4].splitlines()[1:])
    assert (rows["running"], rows["succeeded"], rows["workers"]) == ("1", "1", "1, with 2 slots")
    assert [word in texts[5] for word in ("► was running at", "○ was queued at", "✓ succeeded")] == [True] * 3


def test_it_is_read_without_a_kernel(book: Any) -> None:
    """Converted to a page, and to what GitHub and the like show, each card is there as it was."""
    page, _ = _EXPORTERS.HTMLExporter().from_notebook_node(book)
    assert ["✓</span> succeeded" in page, "►</span> was running" in page, "○</span> was queued" in page] == [True] * 3
    assert ("Error displaying widget" in page, "Loading widget" in page, "<b>waits" in page) == (False, False, False)
    text, _ = _EXPORTERS.MarkdownExporter().from_notebook_node(book)
    assert [word in text for word in ("succeeded", "was running at", "was queued at")] == [True] * 3


def _filled(code: str, paths: dict[str, str]) -> str:
    for name, path in paths.items():
        code = code.replace(name, path)
    return code


def _told(cell: Any, kind: str) -> str:
    bundles = [output["data"] for output in cell.outputs if "data" in output]
    return "\n".join(bundle.get(kind, "") for bundle in bundles)
