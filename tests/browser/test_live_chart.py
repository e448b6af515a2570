"""A live chart in a real page: seen once, redrawn while a cell runs, and a picture in the end."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)

SHOW = "import nbqueue\nnbqueue.charts.live('throughput', every_s=0.5)"
RUN = "nbqueue.submit_map(abs, range(5)).wait().wait()\nimport time\ntime.sleep(3)"


def test_a_live_chart_of_a_notebook(lab: Lab) -> None:
    """What ends is drawn; the button leaves one picture, without a button."""
    lab.write("live.ipynb", [SHOW, RUN])
    with opened(lab, "live.ipynb", width=1200, height=1000) as notebook:
        notebook.run(0)
        chart = notebook.output(0)
        expect(chart.get_by_role("img").locator("visible=true")).to_have_count(1)
        notebook.run(1)
        expect(chart.get_by_text(re.compile(r"throughput: [1-9]\d* attempts")).locator("visible=true")).to_have_count(1)
        chart.get_by_role("button", name="Close", exact=True).click()
        expect(chart.get_by_role("button")).to_have_count(0)
        expect(chart.get_by_role("img").locator("visible=true")).to_have_count(1)
        assert notebook.troubles == []
