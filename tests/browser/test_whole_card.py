"""Everything that a card has, in a real page: parts, curves, log, error, buttons; for jobs and for groups."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, Notebook, opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)
#: where the pictures are put, to be looked at
PICTURES = Path(__file__).parents[2] / "build" / "pictures"
#: the end of the log on a live card
LOG = ".nbqueue-log pre"
#: three lines of text
LINES_PX = 60

SOLVE = """
import pathlib
stop = pathlib.Path("stop").absolute()
def solve(stop):
    import time, nbqueue
    k = 0
    for fold in nbqueue.track(range(4), message="folds"):
        for step in nbqueue.track(range(100), message=f"steps of fold {fold + 1}"):
            k += 1
            nbqueue.report(objective=1000 + 4000 / k, bound=900 - 3000 / k, gap=min(1.0, 7 / k))
            print(f"\\033[32mnode {k}\\033[0m incumbent {1000 + 4000 / k:.1f} <b>" + " and so on" * 30 * (k == 200))
            time.sleep(0.03)
            while k == 200 and not stop.exists():
                time.sleep(0.05)
    raise ValueError("no <plan> is feasible")
policy = nbqueue.RetryPolicy(max_tries=3, on=(OSError,))
job = await nbqueue.options(retry=policy, label="solve the plan").submit(solve, stop)
job
"""
AGAIN = """
flag = pathlib.Path("flag").absolute()
def once(flag):
    import time
    if not flag.exists():
        flag.touch()
        print("the first job")
        raise OSError("not the first time")
    for line in range(100):
        print("line", line, "of the second job")
    while flag.exists():
        time.sleep(0.05)
    return 42
again = await submit(once, flag)
again
"""
GROUP = """
gate = pathlib.Path("gate").absolute()
def score(number, gate):
    import time
    if number % 20 == 7:
        if not gate.exists():
            raise ZeroDivisionError(f"number {number} <i>")
    time.sleep(0.05)
    return number
group = await submit_map(score, range(120), [gate] * 120)
group
"""


def picture(notebook: Notebook, name: str) -> None:
    """Keep a picture of the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    notebook.page.screenshot(path=PICTURES / f"{name}.png")


def test_a_card_shows_all_that_is_known_of_a_job(lab: Lab) -> None:
    """Bars of its parts, curves of its metrics, the log behind a fold that follows, and at the end the traceback."""
    lab.write("solve.ipynb", ["%load_ext nbqueue", SOLVE, "stop.touch()"])
    with opened(lab, "solve.ipynb", height=1000) as notebook:
        notebook.run(0)
        notebook.run(1)
        card = notebook.output(1)
        expect(card.get_by_role("progressbar", name="steps of fold 2")).to_have_attribute("aria-valuetext", "99/100")
        expect(card).to_contain_text(re.compile(r"running.*solve the plan.*1/4 \(25%\)"))
        expect(card).to_contain_text(re.compile(r"try 1 of 3 · on [^ ]+, pid \d+"))
        expect(card.get_by_role("img", name=re.compile("objective .* bound .* after"))).to_be_visible()
        expect(card.get_by_role("img", name=re.compile("^gap "))).to_be_visible()
        fold, log = card.get_by_role("button", name="Log"), card.locator(LOG)
        expect(card.locator(".nbqueue-card").last).to_contain_text("node 200 incumbent 1020.0 <b>")
        expect(log).not_to_be_visible()
        bar = card.get_by_role("progressbar").first.bounding_box()
        assert bar["x"] + bar["width"] <= fold.bounding_box()["x"]  # a long line is cut, and pushes nothing below
        picture(notebook, "job-running")
        fold.focus()
        notebook.page.keyboard.press("Enter")
        expect(log).to_be_visible()
        expect(log.locator("span").last).to_have_css("color", "rgb(42, 143, 79)")
        expect(log).to_contain_text("node 200 incumbent 1020.0 <b>")
        picture(notebook, "job-log")
        notebook.run(2)
        expect(card).to_contain_text("failed")
        expect(card).to_contain_text("ValueError: no <plan> is feasible")
        expect(log).to_contain_text("node 400 incumbent")
        at_end = "e => e.scrollTop > -2 && e.scrollHeight > e.clientHeight"
        assert card.locator(".nbqueue-log").evaluate(at_end)
        card.locator(".widget-html").get_by_text("Traceback on the worker").click()
        expect(card.locator(".widget-html details pre")).to_contain_text("in solve")
        picture(notebook, "job-failed")
        assert notebook.troubles == []


def test_a_job_is_retried_and_its_id_copied(lab: Lab) -> None:
    """After a failure Retry runs it again in the same card: with Cancel and its own log, and calm at its end."""
    lab.write("retry.ipynb", ["%load_ext nbqueue\nimport pathlib", AGAIN, "flag.unlink()"])
    with opened(lab, "retry.ipynb") as notebook:
        notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        notebook.run(0)
        notebook.run(1)
        card = notebook.output(1)
        expect(card).to_contain_text("OSError: not the first time")
        button = card.get_by_role("button", name="Copy id")
        first = button.get_attribute("data-id")
        button.click()
        expect(card.get_by_role("button", name="Copied")).to_be_visible()
        assert notebook.page.evaluate("navigator.clipboard.readText()") == first
        notebook.page.evaluate("kept = navigator.clipboard; kept.writeText('')")
        # as where a page came without TLS
        notebook.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        expect(card.get_by_role("button", name="Copied")).to_have_count(0)
        button.click()
        expect(card.get_by_role("button", name="Copied")).to_be_visible()
        assert notebook.page.evaluate("kept.readText()") == first
        card.get_by_role("button", name="Log").click()
        card.get_by_role("button", name="Retry").click()
        expect(card).to_contain_text("running")
        expect(card.get_by_role("button", name="Cancel")).to_be_visible()
        expect(card.locator(LOG)).to_contain_text("line 99 of the second job")
        expect(card.locator(LOG)).not_to_contain_text("the first job")
        expect(card.get_by_role("button", name="Retry")).to_have_count(0)
        picture(notebook, "job-runs-again")
        height = _height(card)
        notebook.run(2)
        expect(card).to_contain_text("succeeded")
        expect(card.get_by_role("button", name="Cancel")).to_have_count(0)
        assert abs(_height(card) - height) < LINES_PX
        assert card.get_by_role("button", name="Copy id").last.get_attribute("data-id") != first
        picture(notebook, "job-retried")
        assert notebook.troubles == []


def _height(card: Any) -> float:
    box = card.bounding_box()
    assert box is not None
    return float(box["height"])


def test_a_group_lists_what_failed_and_runs_it_again(lab: Lab) -> None:
    """One bar with its states, the rate, a picture of the throughput, the first failures; Retry runs those alone."""
    lab.write("group.ipynb", ["%load_ext nbqueue\nimport pathlib", GROUP, "gate.touch()", "group"])
    with opened(lab, "group.ipynb") as notebook:
        notebook.run(0)
        notebook.run(1)
        card = notebook.output(1)
        expect(card).to_contain_text("6 failed")
        expect(card).to_contain_text(re.compile("score, 120 jobs.*120/120"))
        expect(card).to_contain_text("6 ZeroDivisionError")
        expect(card).to_contain_text(re.compile(r"failed \[7\] 7, '[^ ]+ ZeroDivisionError: number 7 <i>"))
        expect(card).to_contain_text("and 1 more: await group.frame() has all, await group[7] a traceback")
        expect(card).to_contain_text(re.compile(r"[\d.]+ a second"))
        expect(card.get_by_role("img", name=re.compile("throughput"))).to_be_visible()
        picture(notebook, "group-failed")
        notebook.run(3)
        again = notebook.output(3)
        expect(again).to_contain_text(re.compile(r"failed \[7\] 7, '[^ ]+ ZeroDivisionError: number 7 <i>"))
        expect(again.get_by_role("img", name=re.compile("throughput"))).to_be_visible()
        picture(notebook, "group-again")
        notebook.run(2)
        again.get_by_role("button", name="Retry failed").click()
        card = again
        expect(card).to_contain_text(re.compile("score, 120 jobs.*120 succeeded"))
        expect(card.get_by_role("button", name="Retry failed")).to_have_count(0)
        picture(notebook, "group-retried")
        assert notebook.troubles == []
