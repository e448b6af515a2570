"""The dashboard's export in a real page: a file in the notebook's folder, and the same as a download."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)

JOBS = """
import nbqueue
def triple(n):
    return 3 * n
for k in range(12):
    await nbqueue.options(queue="nightly", label=f"=1+{k}").submit(triple, k)
await nbqueue.options(label="another").submit(triple, 1)
"""


def test_the_jobs_of_a_dashboard_are_exported(lab: Lab, tmp_path: Path) -> None:
    """All that the filters are true of, of all pages: as CSV without formulas, as JSON lines."""
    lab.write("export.ipynb", [JOBS, "nbqueue.dashboard()"])
    with opened(lab, "export.ipynb", width=1200, height=1400) as notebook:
        notebook.run(0)
        notebook.run(1)
        board = notebook.output(1)
        board.get_by_label("Queue", exact=True).select_option("nightly")
        expect(board).to_contain_text("1 to 10 of 12")
        board.get_by_role("button", name="Export", exact=True).click()
        expect(board).to_contain_text("Export: 12 jobs written to nbqueue-jobs-")
        [path] = lab.folder.glob("nbqueue-jobs-*.csv")
        expect(board).to_contain_text(str(path))
        with notebook.page.expect_download() as waiting:
            board.get_by_role("link", name=f"Download {path.name}").click()
        assert waiting.value.suggested_filename == path.name
        waiting.value.save_as(tmp_path / "taken.csv")
        assert (tmp_path / "taken.csv").read_bytes() == path.read_bytes()
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert {(row["label"], row["queue"]) for row in rows} == {(f"'=1+{k}", "nightly") for k in range(12)}
        board.get_by_label("Export as").select_option("JSON lines")
        board.get_by_role("button", name="Export", exact=True).click()
        link = board.get_by_role("link", name=".jsonl")
        expect(link).to_be_visible()
        [path] = lab.folder.glob("nbqueue-jobs-*.jsonl")
        lines = path.read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)["label"] for line in lines} == {f"=1+{k}" for k in range(12)}
        assert notebook.troubles == []
