"""The dashboard in pages of every width, while the kernel is busy, and with groups in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, opened
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)

JOBS = """
import nbqueue
def steps(n):
    import time
    for k in nbqueue.track(range(n)):
        time.sleep(0.05)
await nbqueue.options(label="long one").submit(steps, 1200)
await nbqueue.options(queue="nightly").submit(steps, 10)
"""
#: submits when it is told to, so that a row moves while the page is left alone
COMES = """
import asyncio, pathlib
while not (go := pathlib.Path("go")).exists():
    await asyncio.sleep(0.05)
go.unlink()
await nbqueue.options(queue="nightly", label="comes").submit(steps, 1)
"""
#: how wide the button of a queue is where there is room for its words
WORDS_PX = re.compile(r"1[12]\d")
GROUPS = """
import os, nbqueue
def fails(n):
    raise ValueError("bad")
await nbqueue.submit_map(fails, range(40))
await nbqueue.options(queue="gpu", label="in vain").submit(fails, 1)
here, os.environ["JPY_SESSION_NAME"] = os.environ["JPY_SESSION_NAME"], "/elsewhere/other.ipynb"
await nbqueue.options(delay=3600, label="of others").submit(fails, 1)
os.environ["JPY_SESSION_NAME"] = here
"""


def test_a_press_shows_while_the_kernel_is_busy(lab: Lab) -> None:
    """At once, by mouse and by Space, and until the kernel has heard of it; with no script in the page."""
    lab.write("busy.ipynb", [JOBS, "nbqueue.dashboard()", "import time\ntime.sleep(8)"])
    with opened(lab, "busy.ipynb", width=1200, height=1400) as notebook:
        notebook.run(0)
        notebook.run(1)
        board = notebook.output(1)
        clear, promote = (board.get_by_role("button", name=name) for name in ("Clear selection", "Promote"))
        board.get_by_role("checkbox", name="long one", exact=True).check()
        expect(board).to_contain_text("1 selected")
        notebook.run(2)
        assert [_is_marked(each) for each in (clear, promote)] == [False, False]
        promote.click()
        clear.focus()
        notebook.page.keyboard.press("Space")
        assert [_is_marked(each) for each in (clear, promote)] == [True, True]
        assert notebook.prompt(2) == "[*]:"
        expect(board).to_contain_text("Promote 1 job: 1 ")
        wait_until(lambda: not (_is_marked(clear) or _is_marked(promote)))


def test_the_keyboard_stays_with_its_job(lab: Lab) -> None:
    """A box that has the focus has it also when its row has moved; a person who has left it is not fetched back."""
    lab.write("focus.ipynb", [JOBS, "nbqueue.dashboard()", COMES, COMES])
    with opened(lab, "focus.ipynb", width=1200, height=1400) as notebook:
        notebook.run(0)
        notebook.run(1)
        board = notebook.output(1)
        box = board.get_by_role("checkbox", name="long one", exact=True)
        first = board.get_by_role("table", name="Jobs").locator("tbody tr").first
        for number, focused in ((2, box), (3, board.get_by_label("Find"))):
            notebook.run(number)
            box.focus()
            focused.focus()
            (lab.folder / "go").touch()
            expect(first).to_contain_text("comes")
            expect(board.get_by_role("checkbox", name="comes", exact=True)).to_have_count(number - 1)
            expect(focused).to_be_focused()
            expect(notebook.page.locator(".jp-InputPrompt").nth(number)).to_have_text(f"[{number + 1}]:")
            expect(focused).to_be_focused()
        box.focus()
        notebook.page.keyboard.press("Space")
        expect(board).to_contain_text("1 selected")
        assert notebook.troubles == []


@pytest.mark.parametrize("width", [500, 800])
def test_a_narrow_page_cuts_nothing(lab: Lab, width: int) -> None:
    """Tables scroll in themselves, and what is around them finds other lines: nothing is out of reach."""
    lab.write("narrow.ipynb", [JOBS, "nbqueue.dashboard()"])
    with opened(lab, "narrow.ipynb", height=1400) as notebook:
        notebook.page.set_viewport_size({"width": width, "height": 1400})
        notebook.run(0)
        notebook.run(1)
        board = notebook.output(1)
        expect(_row(board, "long one")).to_contain_text("running")
        beyond = board.evaluate("""board => {
            const right = board.getBoundingClientRect().right + 1
            return [...board.querySelectorAll('button, input, select, label, svg, [role=status]')]
                .filter(each => each.getBoundingClientRect().right > right).map(each => each.outerHTML.slice(0, 80))
        }""")
        assert beyond == []
        turn = board.get_by_role("button", name="Pause nightly", exact=True)
        assert turn.bounding_box()["width"] < 40
        turn.press("Space")  # what is drawn above it may move it from under a mouse
        expect(board.get_by_role("button", name="Resume nightly", exact=True)).to_be_visible()
        notebook.page.set_viewport_size({"width": 1200, "height": 1400})
        expect(board.get_by_role("button", name="Resume nightly", exact=True)).to_have_css("width", WORDS_PX)
        notebook.page.set_viewport_size({"width": width, "height": 1400})
        table = board.get_by_role("table", name="Jobs")
        # found and measured in one go: the table is drawn anew now and then
        scrolled = board.evaluate("""board => {
            const table = board.querySelector('table[aria-label^=Jobs]')
            let box = table
            while (getComputedStyle(box).overflowX !== 'auto') box = box.parentElement
            box.scrollLeft = 10000
            return Math.round(box.getBoundingClientRect().right - table.getBoundingClientRect().right)
        }""")
        assert abs(scrolled) <= 1
        expect(table.get_by_role("columnheader", name="message, error")).to_be_visible()
        assert notebook.troubles == []


@pytest.mark.parametrize("lab", ["JupyterLab Dark"], indirect=True)
def test_groups_and_this_notebook(lab: Lab) -> None:
    """A group is one row with its counts, what nobody serves says so, and others' jobs are left out when asked."""
    lab.write("groups.ipynb", [GROUPS, "nbqueue.dashboard()"])
    with opened(lab, "groups.ipynb", width=1200, height=1400) as notebook:
        notebook.run(0)
        notebook.run(1)
        board = notebook.output(1)
        expect(_row(board, "fails, 40 jobs")).to_contain_text("40 failed")
        expect(board.get_by_role("table", name="Queues").locator("tr", has_text="gpu")).to_contain_text("no worker")
        expect(_row(board, "in vain")).to_contain_text('no worker serves queue "gpu"')
        expect(_row(board, "of others")).to_have_count(1)
        board.get_by_label("Jobs of").select_option("this notebook")
        expect(_row(board, "of others")).to_have_count(0)
        expect(board).to_contain_text("1 to 2 of 2")
        board.get_by_role("checkbox", name="fails", exact=True).check()
        expect(board).to_contain_text("1 selected, 40 jobs with those of groups")
        board.get_by_label("Find").fill("in vain")
        expect(board).to_contain_text("1 of them not on this page")
        board.get_by_role("button", name="Open card").click()
        expect(board.locator(".nbqueue-card")).to_contain_text("fails, 40 jobs")
        board.get_by_role("button", name="Clear selection").click()
        board.get_by_label("Find").fill("")
        board.get_by_label("groups as one row").uncheck()
        expect(board).to_contain_text("1 to 10 of 41")
        expect(board.get_by_role("checkbox", name="all 10 on this page")).not_to_be_checked()
        board.get_by_label("State").select_option("did not succeed")
        expect(board).to_contain_text("1 to 10 of 40")
        board.get_by_role("button", name="Select all that match").click()
        expect(board).to_contain_text("40 selected, 30 of them not on this page")
        assert notebook.troubles == []


def _is_marked(button: Any) -> bool:
    """Whether a line below it says that it was pressed."""
    marks = button.evaluate("it => ['::before', '::after'].map(part => getComputedStyle(it, part).opacity)")
    return "1" in marks


def _row(board: Any, text: str) -> Any:
    return board.get_by_role("table", name="Jobs").locator("tbody tr", has_text=text)
