"""The dashboard in a real page: it moves, filters, acts, pauses, and rows stay under the mouse."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, Notebook, opened
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)

VECTOR = "<img src=x onerror=alert(1)><script>alert(2)</script>"
JOBS = f"""
import nbqueue
def steps(n):
    import time
    for k in nbqueue.track(range(n)):
        time.sleep(0.05)
def fails(n):
    raise ValueError({VECTOR!r})
await nbqueue.options(label="long one").submit(steps, 1200)
await nbqueue.options(label={VECTOR!r}).submit(fails, 1)
await nbqueue.options(queue="nightly").submit(steps, 10)
"""
#: the server's clock orders them, in milliseconds
MORE = """
import asyncio
for k in range(30):
    await nbqueue.options(queue='nightly', label=f'more {k}').submit(steps, 1)
    await asyncio.sleep(0.002)
"""
#: waits for its time, whatever the worker does
LATER = "await nbqueue.options(label='much later', delay=3600).submit(steps, 1)"


@pytest.mark.slow
def test_the_dashboard_of_a_notebook(lab: Lab) -> None:
    """Jobs are found, cancelled, retried, promoted, a queue paused, while cells run; hostile texts stay texts."""
    lab.write(
        "board.ipynb", [JOBS, "nbqueue.dashboard()", MORE, "import time\ntime.sleep(4)", LATER, "nbqueue.dashboard()"]
    )
    with opened(lab, "board.ipynb", width=1200, height=1400) as notebook:
        for number in (0, 1):
            notebook.run(number)
        board = notebook.output(1)
        expect(_row(board, "long one")).to_contain_text("running")
        expect(_row(board, VECTOR)).to_contain_text("failed")
        expect(board.locator("img, td script")).to_have_count(0)
        _sees_it_move(board)
        _keeps_what_is_ticked(notebook, board)
        _cancels(notebook, board)
        _pauses_and_resumes(board)
        expect(
            board.get_by_role("img", name=re.compile(r"Ended in the last 5 minutes: .* 1 failed, 1 cancelled"))
        ).to_be_visible()
        _sorts_retries_and_promotes(notebook, board)
        board = _moves_on(notebook)
        board.get_by_role("button", name="Close", exact=True).click()
        expect(board.get_by_role("button")).to_have_count(0)
        expect(board).to_contain_text("long one")
        assert notebook.troubles == []


@pytest.mark.slow
def test_a_dashboard_is_used_by_keyboard(lab: Lab) -> None:
    """Every part is reached with Tab, rows are ticked with Space, and buttons pressed with Enter."""
    lab.write("keys.ipynb", [JOBS, "nbqueue.dashboard()"])
    with opened(lab, "keys.ipynb", width=1200, height=1400) as notebook:
        notebook.run(0)
        notebook.run(1)
        board, keyboard = notebook.output(1), notebook.page.keyboard
        board.get_by_label("Find").focus()
        keyboard.type("long one")
        expect(board).to_contain_text("1 to 1 of 1")
        _tab_to(notebook, board.get_by_role("checkbox", name="long one", exact=True))
        keyboard.press("Space")
        expect(board).to_contain_text("1 selected")
        _tab_to(notebook, board.get_by_role("button", name="Open card"), back=True)
        keyboard.press("Enter")
        card = board.locator(".widget-hbox:has(> .widget-html .nbqueue-card)")
        expect(card).to_contain_text("long one")
        _acts_on_the_card(notebook, board, card)
        _tab_to(notebook, board.get_by_role("button", name="Pause nightly"), back=True)
        keyboard.press("Enter")
        expect(board.get_by_role("button", name="Resume nightly")).to_be_visible()
        assert notebook.troubles == []


@pytest.mark.slow
def test_a_saved_dashboard_is_read_without_its_kernel(lab: Lab) -> None:
    """Whoever opens the notebook later sees the tables of when it was shown, and no error; trusted or not."""
    lab.write("saved.ipynb", [JOBS, "nbqueue.dashboard()"])
    with opened(lab, "saved.ipynb") as notebook:
        notebook.run(0)
        notebook.run(1)
        expect(notebook.output(1).get_by_role("button", name="Pause nightly")).to_be_visible()
        notebook.page.keyboard.press("Control+s")
        saved = lab.folder / "saved.ipynb"
        wait_until(lambda: "nightly</td>" in saved.read_text())
    for word in ("await", "await "):
        (lab.folder / "copy.ipynb").write_text(saved.read_text().replace("await", word))
        with opened(lab, "copy.ipynb") as copy:
            board = copy.output(1)
            expect(board).to_contain_text("nightly")
            expect(board).to_contain_text(VECTOR)
            expect(board.get_by_text("Error displaying widget")).not_to_be_visible()
            expect(board.locator("img, script")).to_have_count(0)
            assert copy.troubles == []


def _acts_on_the_card(notebook: Notebook, board: Any, card: Any) -> None:
    """Its job is cancelled and retried from where its progress is seen; the card goes on with the new job."""
    _tab_to(notebook, card.get_by_role("button", name="Cancel"))
    notebook.page.keyboard.press("Enter")
    expect(card).to_contain_text("cancelled")
    expect(card.get_by_role("button", name="Retry")).to_be_visible()
    _tab_to(notebook, card.get_by_role("button", name="Retry"))
    notebook.page.keyboard.press("Enter")
    expect(card).to_contain_text("running")
    expect(card.get_by_role("button", name="Copy id")).to_be_visible()
    board.get_by_role("button", name="Close cards").click()
    expect(board.locator(".nbqueue-card")).to_have_count(0)


def _sees_it_move(board: Any) -> None:
    bar = _row(board, "long one").get_by_role("progressbar")
    before = int(bar.get_attribute("aria-valuenow"))
    wait_until(lambda: int(bar.get_attribute("aria-valuenow")) > before + 1, 20)


def _keeps_what_is_ticked(notebook: Notebook, board: Any) -> None:
    """New jobs come first in the table, but not while a row is ticked."""
    rows = board.get_by_role("table", name="Jobs").locator("tbody tr")
    expect(rows).to_have_count(3)
    board.get_by_role("checkbox", name="long one", exact=True).check()
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")
    notebook.run(2)
    expect(board).to_contain_text("1 to 3 of 33")
    expect(rows.nth(2)).to_contain_text("long one")
    expect(board.get_by_role("checkbox", name="long one", exact=True)).to_be_checked()
    board.get_by_role("button", name="Clear selection").click()
    expect(rows.nth(0)).to_contain_text("more 29")


def _cancels(notebook: Notebook, board: Any) -> None:
    """Filters, ticks and buttons work while a cell awaits nothing and blocks nothing; the table moves all the time."""
    board.get_by_label("Find").fill("long")
    board.get_by_label("State").select_option("► running")
    expect(board).to_contain_text("1 to 1 of 1")
    board.get_by_role("checkbox", name="long one", exact=True).check()
    expect(board).to_contain_text("1 selected")
    board.get_by_role("button", name="Cancel").click()
    expect(board).to_contain_text("Cancel 1 job: 1 cancelled")
    board.get_by_label("State").select_option("any state")
    expect(_row(board, "long one")).to_contain_text("cancelled")
    notebook.run(3)


def _pauses_and_resumes(board: Any) -> None:
    queue = board.get_by_role("table", name="Queues").locator("tr", has_text="nightly")
    board.get_by_role("button", name="Pause nightly").click()
    expect(queue).to_contain_text("paused")
    board.get_by_role("button", name="Resume nightly").click()
    expect(queue).to_contain_text("no worker")


def _sorts_retries_and_promotes(notebook: Notebook, board: Any) -> None:
    """What failed runs again as another job; what would begin in an hour begins now."""
    notebook.run(4)
    board.get_by_label("Find").fill("")
    board.get_by_label("Sort by").select_option("job")
    board.get_by_role("button", name="highest first").click()
    rows = board.get_by_role("table", name="Jobs").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text(VECTOR)
    expect(rows.nth(1)).to_contain_text("long one")
    board.get_by_role("button", name="lowest first").click()
    expect(rows.nth(0)).to_contain_text("steps")
    board.get_by_label("Find").fill("img")
    board.get_by_role("checkbox", name=VECTOR, exact=True).check()
    expect(board).to_contain_text("1 selected")
    board.get_by_role("button", name="Retry").click()
    expect(board).to_contain_text("Retry 1 job: 1 submitted again")
    expect(board).to_contain_text("1 to 2 of 2")
    board.get_by_label("Find").fill("much later")
    expect(_row(board, "much later")).to_contain_text("scheduled")
    board.get_by_role("checkbox", name="much later", exact=True).check()
    expect(board).to_contain_text("1 selected")
    board.get_by_role("button", name="Promote").click()
    expect(board).to_contain_text("Promote 1 job: 1 due now")
    expect(_row(board, "much later")).to_contain_text("succeeded")


def _moves_on(notebook: Notebook) -> Any:
    """Shown by another cell it is live there with what was chosen, and tables stay in the first."""
    notebook.run(5)
    first, board = notebook.output(1), notebook.output(5)
    expect(board.get_by_label("Find")).to_have_value("much later")
    expect(board.get_by_role("button", name="Pause nightly")).to_be_visible()
    expect(first.get_by_role("button")).to_have_count(0)
    expect(first).to_contain_text("much later")
    board.get_by_label("Find").fill("long one")
    expect(_row(board, "long one")).to_contain_text("cancelled")
    return board


def _row(board: Any, text: str) -> Any:
    return board.get_by_role("table", name="Jobs").locator("tbody tr", has_text=text)


def _tab_to(notebook: Notebook, wanted: Any, *, back: bool = False, most: int = 40) -> None:
    """Press Tab until it has the focus."""
    for _ in range(most):
        if wanted.evaluate("it => it === document.activeElement"):
            return
        notebook.page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"Not reached by {most} tabs: {wanted}")
