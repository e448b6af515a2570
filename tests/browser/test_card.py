"""A live card in a real page: it moves while a cell runs, its button works, and texts of jobs stay texts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, Notebook, opened
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)

SUBMIT = """
def steps(n):
    import time, nbqueue
    for k in nbqueue.track(range(n)):
        nbqueue.report(objective=n - k)
        time.sleep(0.05)
job = await submit(steps, 1200)
job
"""
VECTOR = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><b>bold</b>"
HOSTILE = f"""
vector = {VECTOR!r}
def hostile(vector):
    import nbqueue
    print(vector)
    nbqueue.progress(1, 2, vector)
    nbqueue.report(**{{vector: vector}})
    raise type(vector, (Exception,), {{}})(vector)
job = await nbqueue.options(label=vector, tags=[vector[:60]]).submit(hostile, vector)
job
"""


def test_a_card_moves_while_a_cell_runs_and_its_button_cancels(lab: Lab) -> None:
    """The bar moves while another cell blocks the kernel; Cancel ends the job, and the button goes."""
    lab.write("card.ipynb", ["%load_ext nbqueue", SUBMIT, "import time\ntime.sleep(3)"])
    with opened(lab, "card.ipynb") as notebook:
        notebook.run(0)
        notebook.run(1)
        card = notebook.output(1)
        expect(card).to_contain_text("running")
        expect(card).to_contain_text(re.compile(r"objective 1,\d\d\d"))
        notebook.run(2)
        before, blocked = _value(notebook), notebook.prompt(2) == "[*]:"
        wait_until(lambda: _value(notebook) > before)
        assert (blocked, notebook.prompt(2)) == (True, "[*]:")
        expect(notebook.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()
        card.get_by_role("button", name="Cancel").click()
        expect(card).to_contain_text("cancelled")
        expect(card.get_by_role("button", name="Cancel")).to_have_count(0)
        assert notebook.troubles == []


@pytest.mark.slow
@pytest.mark.parametrize("lab", ["JupyterLab Dark"], indirect=True)
def test_cancel_is_heard_while_cells_run(lab: Lab) -> None:
    """At once while a cell awaits the job; where a cell blocks the kernel, at the latest when that is over."""
    heard = "try:\n    await job\nexcept nbqueue.JobCancelled:\n    print('heard')"
    blocks = "import time\ntime.sleep(4)\nprint('slept')"
    lab.write("cancel.ipynb", ["%load_ext nbqueue", SUBMIT, heard, SUBMIT, blocks])
    with opened(lab, "cancel.ipynb") as notebook:
        notebook.run(0)
        for number in (1, 3):
            notebook.run(number)
            card = notebook.output(number)
            expect(card).to_contain_text("running")
            notebook.run(number + 1)
            assert notebook.prompt(number + 1) == "[*]:"
            card.get_by_role("button", name="Cancel").focus()
            notebook.page.keyboard.press("Enter")
            expect(card).to_contain_text("cancelled")
        assert [notebook.output(number).inner_text().strip() for number in (2, 4)] == ["heard", "slept"]
        assert notebook.troubles == []


@pytest.mark.slow
def test_a_click_that_nobody_hears_yet_is_seen(lab: Lab) -> None:
    """While a cell blocks the kernel the clicked button has a mark that stays; the answer takes it away."""
    lab.write("mark.ipynb", ["%load_ext nbqueue", SUBMIT, "import time\ntime.sleep(6)"])
    with opened(lab, "mark.ipynb") as notebook:
        notebook.run(0)
        notebook.run(1)
        card = notebook.output(1)
        expect(card).to_contain_text("running")
        button = card.get_by_role("button", name="Cancel")
        notebook.run(2)
        assert _marked(card) == 0
        button.click()
        # it is no matter of what has the focus
        notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(0).locator(".jp-InputPrompt").click()
        assert (notebook.prompt(2), _marked(card)) == ("[*]:", 1)
        wait_until(lambda: _marked(card) == 0)
        assert notebook.prompt(2) == "[3]:"
        expect(card).to_contain_text("cancelled")
        assert notebook.troubles == []


def _marked(card: Any) -> int:
    """How many of its buttons have the mark of a click."""
    sizes: list[str] = card.evaluate(
        "card => [...card.querySelectorAll('button')].map(each => getComputedStyle(each).backgroundSize)"
    )
    return sizes.count("100% 100%")


@pytest.mark.slow
def test_texts_of_a_job_stay_texts(lab: Lab) -> None:
    """Names, messages, metrics, errors and logs full of markup are read as they are: live, saved and untrusted."""
    lab.write("hostile.ipynb", ["%load_ext nbqueue", HOSTILE, "await job"])
    with opened(lab, "hostile.ipynb") as notebook:
        notebook.run(0)
        notebook.run(1)
        expect(notebook.output(1)).to_contain_text("failed")
        expect(notebook.output(1)).to_contain_text(VECTOR)
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("JobFailed")
        expect(notebook.output(1).locator("img, script, b b")).to_have_count(0)
        notebook.page.keyboard.press("Control+s")
        saved = lab.folder / "hostile.ipynb"
        wait_until(lambda: "JobFailed" in saved.read_text())
        assert notebook.troubles == []
    # another word in it, and it is a notebook that somebody else has sent: not trusted
    (lab.folder / "copy.ipynb").write_text(saved.read_text().replace("await job", "await  job"))
    with opened(lab, "copy.ipynb") as copy:
        expect(copy.page.locator("[data-icon='ui-components:not-trusted']")).to_have_count(1)
        expect(copy.output(1)).to_contain_text("failed")
        expect(copy.output(1)).to_contain_text(VECTOR)
        expect(copy.output(1).locator("img, script")).to_have_count(0)
        assert copy.troubles == []


def _value(notebook: Notebook) -> int:
    return int(notebook.output(1).get_by_role("progressbar").get_attribute("aria-valuenow") or 0)
