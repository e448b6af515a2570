"""`notebooks/dashboard.ipynb` as a page of its own, which Voila serves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

import nbqueue
from nbqueue.model.settings import Settings
from tests.browser.lab import DRAWN_WITHIN_MS, ROOT, running_voila, visited
from tests.waiting import wait_until
from tests.workers import running_worker

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)


def steps(number: int) -> None:
    """Take long, and tell how far it is."""
    for _ in nbqueue.track(range(number)):
        time.sleep(0.05)


@pytest.fixture
def page(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of the dashboard of a server where one job runs and one waits."""
    nbqueue.configure(settings)
    environ = {
        "NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }  # fmt: skip
    with (
        running_worker(settings, "--slots", "1"),
        running_voila(ROOT / "notebooks" / "dashboard.ipynb", tmp_path / "voila.log", **environ) as url,
    ):
        nbqueue.options(label="long one").submit(steps, 2000).wait()
        nbqueue.options(label="other", queue="nightly").submit(steps, 1).wait()
        yield url


def test_each_visitor_has_a_dashboard(page: str) -> None:
    """It moves and acts without a cell; what one chooses or closes is theirs, what one pauses is paused for all."""
    with visited(page, page, width=1200) as [(mine, my_troubles), (theirs, their_troubles)]:
        for each in (mine, theirs):
            expect(_row(each, "long one")).to_contain_text("running")
        _sees_it_move(mine)
        mine.get_by_role("button", name="Pause nightly").click()
        expect(theirs.get_by_role("button", name="Resume nightly")).to_be_visible()
        mine.get_by_label("Find").fill("long")
        expect(mine.locator("body")).to_contain_text("1 to 1 of 1")
        mine.get_by_role("button", name="Close", exact=True).click()
        expect(mine.get_by_role("button")).to_have_count(0)
        # where no output can be replaced the tables are those of the end, not those of the beginning
        expect(mine.locator("table:visible", has_text="long one")).to_have_count(1)
        expect(mine.locator("table:visible", has_text="‖ paused")).to_have_count(1)
        expect(mine.locator("table:visible", has_text="other")).to_have_count(0)
        expect(_row(theirs, "other")).to_contain_text("paused")
        _sees_it_move(theirs)
        assert my_troubles + their_troubles == []


def _row(page: Any, text: str) -> Any:
    return page.get_by_role("table", name="Jobs").locator("tbody tr", has_text=text)


def _sees_it_move(page: Any) -> None:
    bar = _row(page, "long one").get_by_role("progressbar")
    before = int(bar.get_attribute("aria-valuenow"))
    wait_until(lambda: int(bar.get_attribute("aria-valuenow")) > before, 20)
