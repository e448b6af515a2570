"""What a notebook that a program runs keeps: every card says how its job ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from nbqueue.model.settings import Settings
from tests.notebook.ipykernels import python_path
from tests.notebook.kernels import WIDGET
from tests.workers import running_worker

CELLS = [
    "%load_ext nbqueue",
    """
def steps(n):
    import nbqueue
    for k in nbqueue.track(range(n)):
        nbqueue.report(objective=100 - k)
    return n
job = await submit(steps, 5)
job
""",
    "await job",
    "await nbqueue.run(steps, 7)",
    "group = await submit_map(steps, [1, 2, 3])\ngroup",
    "await group",
    "nbqueue.submit(steps, 3).wait().wait(30)",
]


@pytest.fixture(params=["", "1"], ids=["as in a page", "NBQUEUE_NONINTERACTIVE=1"])
def noninteractive(request: pytest.FixtureRequest) -> str:
    """The value of NBQUEUE_NONINTERACTIVE."""
    return str(request.param)


def run(cells: Sequence[str]) -> list[list[Any]]:
    """The outputs of the cells of a notebook, run as docs and reports run it."""
    v4: Any = nbformat.v4
    book = v4.new_notebook(cells=[v4.new_code_cell(code) for code in cells])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    return [cell.outputs for cell in book.cells]


def test_the_saved_cards_show_the_end(settings: Settings, monkeypatch: pytest.MonkeyPatch, noninteractive: str) -> None:
    """In the cell that showed it, the saved card is that of the ended job, whichever cell waited for it."""
    for name, value in _environment(settings, noninteractive).items():
        monkeypatch.setenv(name, value)
    with running_worker(settings, "--slots", "2"):
        outputs = run(CELLS)
    data = [[output["data"] for output in cell if output.get("data", {}).get("text/plain")] for cell in outputs]
    lines = [[bundle["text/plain"] for bundle in cell] for cell in data]
    shown = [[line.split(",")[0] for line in cell] for cell in lines]
    assert shown == [
        [], ["✓ succeeded  steps  5/5 (100%)"], ["5"], ["✓ succeeded  steps  7/7 (100%)", "7"],
        ["✓ succeeded  steps"], ["[1" ], ["3"],
    ]  # fmt: skip
    assert ["objective 96" in lines[1][0], "3 succeeded" in lines[4][0]] == [True, True]
    bundles = [bundle for cell in data for bundle in cell if "text/html" in bundle]
    assert {WIDGET in bundle for bundle in bundles} == {False}
    assert [bundle["text/html"].count("succeeded") >= 1 for bundle in bundles] == [True] * 3


def _environment(settings: Settings, noninteractive: str) -> dict[str, str]:
    return {
        "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home), "PYTHONPATH": python_path(),
        "NBQUEUE_NONINTERACTIVE": noninteractive, "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }  # fmt: skip
