"""The dashboard's pages in a real browser: they move, act, survive, harm nobody, and fit a phone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import nbqueue
from nbqueue.broker.keys import Keys
from nbqueue.model.settings import Settings
from tests.browser.board.visits import opened, row, steps, submitted
from tests.browser.lab import DRAWN_WITHIN_MS
from tests.servers import Server
from tests.web.running import TOKEN, Web, running_web

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)

VECTORS = (
    "<img src=x onerror=alert(1)>", "<script>alert(2)</script>", '"><svg onload=alert(3)>', "{{ 7*7 }}<b>",
    "javascript:alert(4)", "'-alert(5)-'</textarea><iframe srcdoc=x>",
)  # fmt: skip
#: a finger's width, in pixels
TARGET_PX = 44
#: what a person presses or types into, where that is no part of a sentence
TARGETS = "main button, main select, main input[type=search], main tbody th a, main .pager a, header a, .switch a"
TARGETS += ", td.tick label, .finder > summary"


def test_a_page_is_live(web: Web, browser: Browser) -> None:
    """It shows what is new, keeps what is ticked, and what buttons ask for is done."""
    job = submitted(nbqueue.options(label="long one").submit(steps, 2400))
    with opened(browser, web) as page:
        line = row(page, "long one")
        expect(line).to_contain_text("running")
        before = line.inner_text()
        expect(line).not_to_have_text(before)
        submitted(nbqueue.options(label="a newer one").submit(steps, 1))
        expect(row(page, "a newer one")).to_contain_text("succeeded")
        line.get_by_role("checkbox").check()
        expect(page.locator("#selected")).to_have_text("1 selected")
        expect(page.locator(".pager")).to_contain_text("rows keep their places")
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.get_by_role("status").last).to_contain_text("Cancel 1 job:")
        expect(line).to_contain_text("cancelled")
        expect(line.get_by_role("checkbox")).not_to_be_checked()
        page.get_by_role("button", name="Pause queue default").click()
        expect(page.locator("#queue-default")).to_contain_text("paused")
        page.get_by_role("button", name="Resume queue default").click()
        expect(page.locator("#queue-default")).to_contain_text("open")
        line.get_by_role("link").click()
        expect(page.get_by_role("heading", name="long one")).to_be_visible()
        expect(page.locator("#part-facts")).to_contain_text(job.id)
        expect(page.locator("#attempt-1")).to_contain_text("cancelled")


def test_filters_need_no_new_page(web: Web, browser: Browser) -> None:
    """What is typed narrows the table, its field keeps the focus, and the way back leads to what was seen before."""
    submitted(nbqueue.options(label="needle").submit(steps, 1))
    submitted(nbqueue.options(label="hay").submit(steps, 1))
    with opened(browser, web) as page:
        expect(row(page, "hay")).to_be_visible()
        page.evaluate("window.same = true")
        page.get_by_label("Find").press_sequentially("needle")
        expect(row(page, "hay")).to_have_count(0)
        expect(row(page, "needle")).to_be_visible()
        expect(page.get_by_label("Find")).to_be_focused()
        assert page.url.endswith("/?text=needle")
        page.get_by_role("link", name="submitted").click()
        expect(page.locator("th[aria-sort=descending]")).to_have_text("submitted")
        page.go_back()
        expect(page.locator("th[aria-sort]")).to_have_count(0)
        assert page.evaluate("window.same")


def test_hostile_texts_stay_texts(web: Web, browser: Browser, shared_server: Server) -> None:
    """Names, tags, errors and their classes, messages, lines of logs and what workers say become no part of a page."""
    jobs = [submitted(nbqueue.options(label=text, tags=(text[:20],)).submit(_harms, text)) for text in VECTORS]
    with _hostile_engines(shared_server), opened(browser, web, "?text=Harm") as page:
        for text in VECTORS:
            expect(page.locator("#part-workers")).to_contain_text(text[:20])
        for text in VECTORS:
            expect(row(page, text)).to_contain_text("failed")
        _is_clean(page)
        for place in (*(f"jobs/{job.id}" for job in jobs), "failures"):
            page.goto(f"{web.url}/{place}")
            expect(page.locator("#link")).to_have_text("live")
            _is_clean(page)
        page.goto(f"{web.url}/jobs/{jobs[0].id}")
        expect(page.locator("#part-log")).to_contain_text(VECTORS[0])
        expect(page.locator("#part-card")).to_contain_text(VECTORS[0])


@pytest.mark.slow
def test_a_phone_needs_no_sideways_scrolling(web: Web, browser: Browser) -> None:
    """At 360 pixels nothing is wider than the page, and what is pressed is as large as a finger."""
    job = submitted(nbqueue.options(label="on a phone " + "w" * 80).submit(steps, 1))
    for place in ("", f"jobs/{job.id}", "failures", "schedules"):
        with opened(browser, web, place, viewport={"width": 360, "height": 740}) as page:
            expect(page.locator("#link")).to_have_text("live")
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            sizes = [box for each in page.locator(TARGETS).all() if (box := each.bounding_box())]
            assert [box for box in sizes if min(round(box["height"]), round(box["width"])) < TARGET_PX] == []


def test_a_page_is_used_by_keyboard(web: Web, browser: Browser) -> None:
    """Tab leads to the content, to a row's box and to its buttons, which Space and Enter press."""
    submitted(nbqueue.options(label="by keyboard", delay=3600).submit(steps, 1))
    with opened(browser, web, "?text=by+keyboard") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.get_by_label("Rows").focus()
        _tabs_to(page, row(page, "by keyboard").get_by_role("checkbox"))
        page.keyboard.press("Space")
        expect(page.locator("#selected")).to_have_text("1 selected")
        page.get_by_role("button", name="Cancel", exact=True).focus()
        page.keyboard.press("Enter")
        expect(row(page, "by keyboard")).to_contain_text("cancelled")
        expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
        expect(page.get_by_role("main")).to_have_count(1)
        expect(page.get_by_role("navigation", name="Pages", exact=True)).to_have_count(1)


def test_pages_work_without_scripts(web: Web, browser: Browser) -> None:
    """Filters are forms, pages are links, a button leads back to the page, and Delete to a question."""
    submitted(nbqueue.options(label="plain page", delay=3600).submit(steps, 1))
    with opened(browser, web, java_script_enabled=False) as page:
        page.get_by_label("Find").fill("plain page")
        page.get_by_role("button", name="Show").click()
        row(page, "plain page").get_by_role("checkbox").check()
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.locator("#said")).to_contain_text("Cancel 1 job: 1 cancelled")
        assert "text=plain+page" in page.url
        row(page, "plain page").get_by_role("checkbox").check()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading")).to_have_text("Delete 1 job?")
        page.get_by_role("button", name="Delete 1 job").click()
        expect(page.locator("#said")).to_contain_text("Delete 1 job: 1 deleted")


def test_a_lost_connection_is_told_and_found_again(base: Settings, browser: Browser) -> None:
    """While the web server is away the page says since when; once it is back the page lives again by itself."""
    with running_web(base) as web:
        port = web.port
        with opened(browser, web) as page:
            expect(page.locator("#link")).to_have_text("live")
            web.process.kill()
            expect(page.locator("#link")).to_have_text(re.compile(r"connection lost, last live at \d\d:\d\d:\d\d"))
            with running_web(base, "--port", str(port)):
                expect(page.locator("#link")).to_have_text("live")


def test_a_page_needs_the_token(web: Web, browser: Browser) -> None:
    """Without it there is the login form, and the token opens the dashboard."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{web.url}/?text=needle")
    assert page.url == f"{web.url}/login?to=%2F%3Ftext%3Dneedle"
    page.get_by_label("Token").fill("wrong-token-wrong-token")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("not the token")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_text("live")
    assert page.url == f"{web.url}/?text=needle"
    page.get_by_role("button", name="Log out").click()
    page.goto(web.url)
    assert page.url == f"{web.url}/login"
    context.close()


def _harms(text: str) -> None:
    print(text)  # noqa: T201 - the log of the job
    nbqueue.progress(1, 2, text)
    nbqueue.report(**{text: text})
    raise type(f"Harm{text}", (ValueError,), {})(text)


@contextmanager
def _hostile_engines(server: Server) -> Iterator[None]:
    """Engines whose host, versions, queues and functions are not what ours are, one a text."""
    keys, names = Keys(), [f"hostile-{number}" for number in range(len(VECTORS))]
    with server.client() as client:
        for name, text in zip(names, VECTORS, strict=True):
            listed = json.dumps([text])
            client.hset(keys.engine(name), mapping={
                "host": text, "python": text, "version": text, "machine": text, "queues": listed, "functions": listed,
            })  # fmt: skip
            client.zadd(keys.leases, {name: (time.time() + 300) * 1000})
        yield
        client.zrem(keys.leases, *names)
        client.delete(*map(keys.engine, names))


def _is_clean(page: Page) -> None:
    """Nothing that stands in the tables came from a job's text as a tag."""
    made = page.locator("main :is(img, script, iframe, textarea, [onload], [onerror], [srcdoc])")
    expect(made).to_have_count(0)


def _tabs_to(page: Page, target: Any) -> None:
    for _ in range(40):
        if target.evaluate("each => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not lead there.")
