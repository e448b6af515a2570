"""The dashboard's pages in a real browser: they move, act, survive, harm nobody, and fit a phone."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import nbqueue
from nbqueue.client.handle import Job
from nbqueue.client.pending import Pending
from nbqueue.model.settings import Settings
from tests import processes
from tests.browser.lab import DRAWN_WITHIN_MS, chromium, listened
from tests.servers import Server
from tests.web.running import TOKEN, Web, running_web
from tests.workers import running_worker

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


@pytest.fixture(scope="module", autouse=True)
def _no_process_left_behind() -> Iterator[None]:
    """A browser and a worker start processes whenever they like: the module fails that leaves some, not each test."""
    before = processes.children()
    yield
    assert processes.left_behind(before, Path("/no/home")) == set()


@pytest.fixture(scope="module")
def base(shared_server: Server) -> Iterator[Settings]:
    """Settings of an empty server that all tests of this module share."""
    with shared_server.client() as client, tempfile.TemporaryDirectory(prefix="nbq-page-", dir="/tmp") as folder:
        client.flushall()
        settings = Settings(url=shared_server.url, home=Path(folder))
        nbqueue.configure(settings)
        yield settings


@pytest.fixture(scope="module")
def web(base: Settings) -> Iterator[Web]:
    """A web server, and a worker behind it."""
    with running_worker(base, "--slots", "2"), running_web(base) as web:
        yield web


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that all tests of this module share."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


def test_a_page_is_live(web: Web, browser: Browser) -> None:
    """It shows what is new, keeps what is ticked, and what buttons ask for is done."""
    job = _submitted(nbqueue.options(label="long one").submit(_steps, 2400))
    with _opened(browser, web) as page:
        row = _row(page, "long one")
        expect(row).to_contain_text("running")
        before = row.inner_text()
        expect(row).not_to_have_text(before)
        _submitted(nbqueue.options(label="a newer one").submit(_steps, 1))
        expect(_row(page, "a newer one")).to_contain_text("succeeded")
        row.get_by_role("checkbox").check()
        expect(page.locator("#selected")).to_have_text("1 selected")
        expect(page.locator(".pager")).to_contain_text("rows keep their places")
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.get_by_role("status").last).to_contain_text("Cancel 1 job:")
        expect(row).to_contain_text("cancelled")
        expect(row.get_by_role("checkbox")).not_to_be_checked()
        page.get_by_role("button", name="Pause queue default").click()
        expect(page.locator("#queue-default")).to_contain_text("paused")
        page.get_by_role("button", name="Resume queue default").click()
        expect(page.locator("#queue-default")).to_contain_text("open")
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", name="long one")).to_be_visible()
        expect(page.locator("#part-facts")).to_contain_text(job.id)
        expect(page.locator("#attempt-1")).to_contain_text("cancelled")


def test_filters_need_no_new_page(web: Web, browser: Browser) -> None:
    """What is typed narrows the table, its field keeps the focus, and the way back leads to what was seen before."""
    _submitted(nbqueue.options(label="needle").submit(_steps, 1))
    _submitted(nbqueue.options(label="hay").submit(_steps, 1))
    with _opened(browser, web) as page:
        expect(_row(page, "hay")).to_be_visible()
        page.evaluate("window.same = true")
        page.get_by_label("Find").press_sequentially("needle")
        expect(_row(page, "hay")).to_have_count(0)
        expect(_row(page, "needle")).to_be_visible()
        expect(page.get_by_label("Find")).to_be_focused()
        assert page.url.endswith("text=needle&state=any+state&sort=submitted&order=down&groups=folded&rows=25")
        page.get_by_role("link", name="submitted").click()
        expect(page.locator("th[aria-sort=ascending]")).to_have_text("submitted")
        page.go_back()
        expect(page.locator("th[aria-sort=descending]")).to_have_text("submitted")
        assert page.evaluate("window.same")


def test_delete_asks_once_more(web: Web, browser: Browser) -> None:
    """The first press says so, the second one deletes."""
    _submitted(nbqueue.options(label="to be deleted").submit(_steps, 1)).wait(20)
    with _opened(browser, web, "?text=to+be+deleted") as page:
        _row(page, "to be deleted").get_by_role("checkbox").check()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Sure? Delete").click()
        expect(page.locator("#said")).to_contain_text("Delete 1 job: 1 deleted")
        expect(_row(page, "to be deleted")).to_have_count(0)


def test_hostile_texts_stay_texts(web: Web, browser: Browser) -> None:
    """Names, tags, errors and their classes, messages and lines of logs become no part of a page."""
    jobs = [_submitted(nbqueue.options(label=text, tags=(text[:20],)).submit(_harms, text)) for text in VECTORS]
    with _opened(browser, web, "?text=Harm") as page:
        for text in VECTORS:
            expect(_row(page, text)).to_contain_text("failed")
        _is_clean(page)
        for place in (*(f"jobs/{job.id}" for job in jobs), "failures"):
            page.goto(f"{web.url}/{place}")
            expect(page.locator("#link")).to_have_text("live")
            _is_clean(page)
        page.goto(f"{web.url}/jobs/{jobs[0].id}")
        expect(page.locator("#part-log")).to_contain_text(VECTORS[0])
        expect(page.locator("#part-card")).to_contain_text(VECTORS[0])


def test_a_phone_needs_no_sideways_scrolling(web: Web, browser: Browser) -> None:
    """At 360 pixels nothing is wider than the page, and what is pressed is as large as a finger."""
    job = _submitted(nbqueue.options(label="on a phone " + "w" * 80).submit(_steps, 1))
    for place in ("", f"jobs/{job.id}", "failures", "schedules"):
        with _opened(browser, web, place, viewport={"width": 360, "height": 740}) as page:
            expect(page.locator("#link")).to_have_text("live")
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            sizes = [box for each in page.locator(TARGETS).all() if (box := each.bounding_box())]
            assert [box for box in sizes if min(round(box["height"]), round(box["width"])) < TARGET_PX] == []


def test_a_page_is_used_by_keyboard(web: Web, browser: Browser) -> None:
    """Tab leads to the content, to a row's box and to its buttons, which Space and Enter press."""
    _submitted(nbqueue.options(label="by keyboard", delay=3600).submit(_steps, 1))
    with _opened(browser, web, "?text=by+keyboard") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.get_by_label("Rows").focus()
        _tabs_to(page, _row(page, "by keyboard").get_by_role("checkbox"))
        page.keyboard.press("Space")
        expect(page.locator("#selected")).to_have_text("1 selected")
        page.get_by_role("button", name="Cancel", exact=True).focus()
        page.keyboard.press("Enter")
        expect(_row(page, "by keyboard")).to_contain_text("cancelled")
        expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
        expect(page.get_by_role("main")).to_have_count(1)
        expect(page.get_by_role("navigation", name="Pages", exact=True)).to_have_count(1)


def test_pages_work_without_scripts(web: Web, browser: Browser) -> None:
    """Filters are forms, pages are links, a button leads back to the page, and Delete to a question."""
    _submitted(nbqueue.options(label="plain page", delay=3600).submit(_steps, 1))
    with _opened(browser, web, java_script_enabled=False) as page:
        page.get_by_label("Find").fill("plain page")
        page.get_by_role("button", name="Show").click()
        _row(page, "plain page").get_by_role("checkbox").check()
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.locator("#said")).to_contain_text("Cancel 1 job: 1 cancelled")
        assert "text=plain+page" in page.url
        _row(page, "plain page").get_by_role("checkbox").check()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading")).to_have_text("Delete 1 job?")
        page.get_by_role("button", name="Delete 1 job").click()
        expect(page.locator("#said")).to_contain_text("Delete 1 job: 1 deleted")


def test_a_lost_connection_is_told_and_found_again(base: Settings, browser: Browser) -> None:
    """While the web server is away the page says since when; once it is back the page lives again by itself."""
    with running_web(base) as web:
        port = web.port
        with _opened(browser, web) as page:
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
    assert page.url == f"{web.url}/login"
    page.get_by_label("Token").fill("wrong-token-wrong-token")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("not the token")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_text("live")
    page.get_by_role("button", name="Log out").click()
    page.goto(web.url)
    assert page.url == f"{web.url}/login"
    context.close()


def _steps(n: int) -> int:
    import time

    for _ in nbqueue.track(range(n)):
        time.sleep(0.05)
    return n


def _harms(text: str) -> None:
    print(text)  # noqa: T201 - the log of the job
    nbqueue.progress(1, 2, text)
    nbqueue.report(**{text: text})
    raise type(f"Harm{text}", (ValueError,), {})(text)


def _submitted(begun: Pending[Job[Any]]) -> Job[Any]:
    """A job that the server has accepted."""
    return begun.wait(20)


@contextmanager
def _opened(browser: Browser, web: Web, place: str = "", **options: Any) -> Iterator[Page]:
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


def _row(page: Page, text: str) -> Any:
    return page.locator(".jobs tbody tr").filter(has_text=text)


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
