"""What the dashboard's pages look like in a real browser, with long content, at the widths that people have."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

import nbqueue
from nbqueue.client.handle import Job
from nbqueue.errors import JobFailed
from tests.browser.board.visits import opened, row, steps, submitted
from tests.browser.lab import DRAWN_WITHIN_MS
from tests.web.running import Web

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)

#: those of a phone and of a laptop in each run of the tests
WIDTHS = (360, 1440, *(pytest.param(each, marks=pytest.mark.slow) for each in (768, 800, 1024, 1280, 1400, 1920)))
#: cells whose words are cut or broken though they are short
CUT = """() => [...document.querySelectorAll(".jobs td[data-name=time], .jobs .figure, .jobs td[data-name=state],"
    + ".kinds th[scope=row] a, .badge")].filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth
    || each.getClientRects().length > 1).map((each) => each.textContent)"""

#: tables that stick out of the box they are in, and words of the last column that have hardly any room
OUT = """() => [...document.querySelectorAll("table")].filter((each) =>
    each.getBoundingClientRect().right > each.parentElement.getBoundingClientRect().right + 1)
    .map((each) => each.parentElement.textContent.trim().slice(0, 40))
    .concat([...document.querySelectorAll(".jobs tbody td:last-child")]
        .filter((each) => each.textContent.trim() && each.clientWidth < 150).map((each) => each.clientWidth + " px"))"""


@pytest.fixture(scope="module")
def jobs(web: Web) -> dict[str, Job[Any]]:
    """Jobs with much to say."""
    assert web.url
    nbqueue.Queue("a-queue-with-a-rather-long-name").limits(rate="20/min", concurrency=3).wait(20)
    nbqueue.options(queue="a-queue-with-a-rather-long-name", delay=3600).submit(steps, 1).wait(20)
    paused = nbqueue.Queue("paused-bulk")
    paused.pause().wait(20)
    nbqueue.options(queue="paused-bulk").submit_map(steps, range(1200)).wait(20)
    failed = submitted(nbqueue.options(label="fails").submit(_fails))
    runs = submitted(nbqueue.options(label="long " + "w" * 60).submit(_far))
    done = submitted(nbqueue.options(label="done").submit(_answers))
    solid = submitted(nbqueue.options(label="solid").submit(_fails_solidly))
    done.wait(20)
    with pytest.raises(JobFailed):
        failed.wait(20)
    with pytest.raises(JobFailed):
        solid.wait(20)
    return {"failed": failed, "solid": solid, "runs": runs, "done": done}


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_or_scrolls_sideways(web: Web, browser: Browser, jobs: dict[str, Job[Any]], width: int) -> None:
    """Numbers, times, states and names of errors are whole at every width, and no page is wider than the window."""
    for place in ("", "failures", *(f"jobs/{job.id}" for job in jobs.values())):
        with opened(browser, web, place, viewport={"width": width, "height": 900}) as page:
            expect(page.locator("#link")).to_have_text("live")
            if not place:
                expect(row(page, "long ww")).to_contain_text("1,313/3,000")
            assert page.evaluate("document.documentElement.scrollWidth") == width, place
            assert page.evaluate(CUT) == [], place
            assert page.evaluate(OUT) == [], place


def _fails() -> None:
    error = type("UnknownFunctionOfALongName", (RuntimeError,), {})
    raise error("No function is registered on this worker: start it with the module that has it, or submit it itself.")


def _fails_solidly() -> None:
    raise ValueError("x" * 300)


def _far() -> None:
    import time

    nbqueue.progress(1313, 3000, "a message that takes some room of its own, as messages do")
    while not nbqueue.should_stop():
        time.sleep(0.1)


def _answers() -> dict[str, object]:
    return {"objective": 12.5, "route": [1, 2, 3]}
