"""What the dashboard's pages say in a real browser while the web server does not reach the queue's server."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.board.visits import opened
from tests.browser.lab import DRAWN_WITHIN_MS
from tests.servers import Server
from tests.web.running import TOKEN, Web

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)


@pytest.fixture
def silent(shared_server: Server, web: Web) -> Iterator[int]:
    """The process of the queue's server, which goes on after the test."""
    assert web.url
    with shared_server.client() as client:
        pid = int(client.info("server")["process_id"])
    yield pid
    os.kill(pid, signal.SIGCONT)


def test_a_page_whose_login_has_ended_leads_to_another(web: Web, browser: Browser) -> None:
    """It says so once, asks no more, and its link leads by the login back to the same page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{web.url}/?text=needle&token={TOKEN}")
    expect(page.locator("#link")).to_have_text("live")
    context.clear_cookies()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("live.connect()")
    link = page.locator("#link")
    expect(link).to_have_text(re.compile(r"your login has ended, last live at \d\d:\d\d:\d\d: log in again"))
    expect(page.get_by_role("status").filter(has_text="login has ended")).to_be_visible()
    # longer than it is until a page tries again
    page.wait_for_timeout(3500)
    assert len(asked) == 2
    page.get_by_role("link", name="log in again").click()
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(link).to_have_text("live")
    assert page.url == f"{web.url}/?text=needle"
    context.close()


def test_a_page_is_not_live_while_the_queues_server_is_away(silent: int, web: Web, browser: Browser) -> None:
    """The footer says so and since when; once the server answers the page is live again."""
    with opened(browser, web) as page:
        link = page.locator("#link")
        expect(link).to_have_text("live")
        os.kill(silent, signal.SIGSTOP)
        expect(link).to_have_text(re.compile(r"the queue's server is not reached: as of \d\d:\d\d:\d\d"))
        os.kill(silent, signal.SIGCONT)
        expect(link).to_have_text("live")
