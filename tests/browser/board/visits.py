"""Jobs for the dashboard's pages, and who looks at these in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

import nbqueue
from nbqueue.client.handle import Job
from nbqueue.client.pending import Pending
from tests.browser.lab import DRAWN_WITHIN_MS, listened
from tests.web.running import TOKEN, Web


def steps(n: int) -> int:
    """Work in steps, 20 a second."""
    import time

    for _ in nbqueue.track(range(n)):
        time.sleep(0.05)
    return n


def submitted(begun: Pending[Job[Any]]) -> Job[Any]:
    """A job that the server has accepted."""
    return begun.wait(20)


@contextmanager
def opened(browser: Browser, web: Web, place: str = "", **options: Any) -> Iterator[Page]:
    """A page in a browser that has logged in; dialogs, errors, and complaints in the console fail the test."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(DRAWN_WITHIN_MS)
    troubles = listened(page)
    page.on("console", lambda said: troubles.append(f"{said.type}: {said.text}"))
    page.goto(f"{web.url}/{place}{'&' if '?' in place else '?'}token={TOKEN}")
    assert "token" not in page.url
    yield page
    context.close()
    # a browser notes by itself that it could not connect
    assert [each for each in troubles if "ERR_" not in each] == []


def row(page: Page, text: str) -> Any:
    """The row of a job in the table."""
    return page.locator(".jobs tbody tr").filter(has_text=text)
