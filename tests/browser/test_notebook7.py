"""The same cards in Notebook 7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from nbqueue.model.settings import Settings
from tests.browser.lab import DRAWN_WITHIN_MS, Lab, opened, running_lab
from tests.browser.test_attach import ATTACH, RESULT, SUBMIT
from tests.waiting import wait_until
from tests.workers import running_worker

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)


@pytest.fixture
def notebooks(settings: Settings, tmp_path: Path) -> Iterator[Lab]:
    """A Notebook 7 whose kernels submit to the test's server, where a worker waits."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    environ = {
        "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }  # fmt: skip
    with running_worker(settings, "--slots", "2"), running_lab(folder, app="notebook", **environ) as lab:
        yield lab


def test_cards_move_and_come_back(notebooks: Lab) -> None:
    """A card moves and its button is there; after a restart of the kernel `attach()` has it again, up to its end."""
    notebooks.write("work.ipynb", [SUBMIT, ATTACH, RESULT, "nbqueue.Queue()"])
    with opened(notebooks, "work.ipynb") as notebook:
        own = list(notebook.troubles)  # Notebook 7 has some before a cell was run
        notebook.run(0)
        expect(notebook.output(0)).to_contain_text("on its way")
        expect(notebook.output(0).get_by_role("button", name="Cancel")).to_be_visible()
        notebook.restart()
        notebook.run(1)
        card = notebook.output(1)
        expect(card).to_contain_text("Jobs of the notebook work.ipynb that have ended")
        bar = card.locator(".jupyter-widgets").get_by_role("progressbar", name="the long one")
        before = int(bar.get_attribute("aria-valuenow") or 0)
        wait_until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > before, 20)
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("the result")
        expect(card).to_contain_text(re.compile("succeeded.*the long one", re.DOTALL))
        notebook.run(3)
        expect(notebook.output(3)).to_contain_text(re.compile(r'Queue "default".*succeeded\s*2', re.DOTALL))
        assert notebook.troubles == own
