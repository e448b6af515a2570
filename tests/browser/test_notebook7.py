"""The same cards in Notebook 7."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, opened
from tests.browser.test_attach import ATTACH, RESULT, SUBMIT
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)


@pytest.fixture
def app() -> str:
    """Notebook 7."""
    return "notebook"


def test_cards_move_and_come_back(lab: Lab) -> None:
    """A card moves and its button is there; after a restart of the kernel `attach()` has it again, up to its end."""
    lab.write("work.ipynb", [SUBMIT, ATTACH, RESULT, "nbqueue.Queue()"])
    with opened(lab, "work.ipynb") as notebook:
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
