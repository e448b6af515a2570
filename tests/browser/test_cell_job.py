"""%%job in a real page: the card of the cell moves, and its name is there when the job has ended."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, opened
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)

CELL = """%%job -o x --name steps
import time
x = []
for k in nbqueue.track(range(40)):
    x.append(start + k)
    time.sleep(0.05)
print("done")
"""
#: a name that comes while the cell waits for it
WAITS = "import asyncio\nwhile 'x' not in globals():\n    await asyncio.sleep(0.05)\nlen(x), x[-1]"
VERBS = ["cancel", "down", "help", "history", "jobs"]


def test_a_cell_is_a_job_with_a_card(lab: Lab) -> None:
    """The cell ends at once with a card that moves to its end; the name that it hands back is assigned by then."""
    lab.write("cell.ipynb", ["%load_ext nbqueue\nstart = 2", CELL, WAITS])
    with opened(lab, "cell.ipynb") as notebook:
        notebook.run(0)
        notebook.run(1)
        card = notebook.output(1)
        expect(card).to_contain_text("running")
        expect(card).to_contain_text("steps")
        expect(card).to_contain_text(re.compile(r"\d+/40"))
        wait_until(lambda: notebook.prompt(1) == "[2]:")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("(40, 41)")
        expect(card).to_contain_text("succeeded")
        expect(card.get_by_role("button", name="Cancel")).to_have_count(0)
        assert notebook.troubles == []


def test_the_tab_key_offers_words_of_the_magics(lab: Lab) -> None:
    """In a cell, Tab after %nbqueue offers its verbs, and after %%job its options."""
    lab.write("tab.ipynb", ["%load_ext nbqueue", "%nbqueue ", "%%job --time"])
    with opened(lab, "tab.ipynb") as notebook:
        notebook.run(0)
        wait_until(lambda: notebook.prompt(0) == "[1]:", 30)
        offered = notebook.page.locator(".jp-Completer-match")
        for number, words in ((1, VERBS), (2, ["--timeout"])):
            code = notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".cm-content")
            code.click()
            notebook.page.keyboard.press("End")
            notebook.page.keyboard.press("Tab")
            expect(offered.first).to_have_text(words[0])
            assert set(words) <= set(offered.all_inner_texts())
            notebook.page.keyboard.press("Escape")
        assert notebook.troubles == []
