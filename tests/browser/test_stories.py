"""The notebooks as a person runs them: opened in JupyterLab, Run All, and every cell is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from nbqueue.local import stack
from nbqueue.model.settings import Settings
from tests.browser.lab import DRAWN_WITHIN_MS, ROOT, Lab, opened, running_lab
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
expect.set_options(timeout=DRAWN_WITHIN_MS)

FOLDER = ROOT / "notebooks"
STORIES = sorted(path.stem for path in FOLDER.glob("*.ipynb") if path.stem != "dashboard")
#: a story takes two minutes at most where nothing else runs
DONE_WITHIN_S = 120.0
PICTURES = ROOT / "build" / "pictures"


@pytest.fixture
def lab(home: Path, tmp_path: Path) -> Iterator[Lab]:
    """A JupyterLab in a copy of the folder; its kernels start the local stack themselves."""
    shutil.copytree(FOLDER, tmp_path / "notebooks")
    try:
        with running_lab(tmp_path / "notebooks", NBQUEUE_HOME=str(home), PYDEVD_DISABLE_FILE_VALIDATION="1") as lab:
            yield lab
    finally:
        stack.stop(Settings(home=home))


@pytest.mark.parametrize("story", STORIES)
def test_run_all(lab: Lab, story: str) -> None:
    """Each cell ends without an error, cards are drawn, and no box says that a widget is missing."""
    with opened(lab, f"{story}.ipynb", height=1000) as notebook:
        page = notebook.page
        cells = page.locator(".jp-Notebook .jp-CodeCell")
        count = cells.count()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        wait_until(lambda: notebook.prompt(count - 1) not in ("[ ]:", "[*]:"), DONE_WITHIN_S)
        assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
        assert page.locator(".jupyter-widgets-disconnected:visible").count() == 0
        assert page.locator(".jp-OutputArea .nbqueue-card:visible").count() > 0
        assert page.locator(".jp-RenderedImage img").count() > 0
        assert notebook.troubles == []
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{story}.png")
