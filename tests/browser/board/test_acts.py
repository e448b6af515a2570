"""What is done from the dashboard's pages in a real browser is what was asked for, and no more."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

import nbqueue
from tests.browser.board.visits import opened, row, steps, submitted
from tests.browser.lab import DRAWN_WITHIN_MS
from tests.web.running import Web

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)


def test_delete_asks_once_more(web: Web, browser: Browser) -> None:
    """The first press says so, the second one deletes."""
    submitted(nbqueue.options(label="to be deleted").submit(steps, 1)).wait(20)
    with opened(browser, web, "?text=to+be+deleted") as page:
        row(page, "to be deleted").get_by_role("checkbox").check()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Sure? Delete").click()
        expect(page.locator("#said")).to_contain_text("Delete 1 job: 1 deleted")
        expect(row(page, "to be deleted")).to_have_count(0)


def test_all_that_match_is_for_one_act_and_one_filter(web: Web, browser: Browser) -> None:
    """It says how many, also when it asks whether one is sure; another filter and an act done take it back."""
    for name in ("alpha 1", "alpha 2", "beta"):
        submitted(nbqueue.options(label=f"many {name}", delay=3600).submit(steps, 1))
    with opened(browser, web, "?text=many+alpha") as page:
        box, said, selected = page.locator("input[name=matching]"), page.locator("#said"), page.locator("#selected")
        expect(row(page, "alpha")).to_have_count(2)
        box.check()
        expect(selected).to_have_text("all 2 that match")
        page.get_by_label("Find").fill("many")
        expect(row(page, "beta")).to_be_visible()
        expect(box).not_to_be_checked()
        expect(selected).to_have_text("Tick the boxes of jobs to act on them")
        page.get_by_label("Find").fill("many alpha")
        expect(row(page, "beta")).to_have_count(0)
        box.check()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("button", name="Sure?")).to_have_text("Sure? Delete all 2 that match")
        box.uncheck()
        expect(page.get_by_role("button", name="Sure?")).to_have_count(0)
        box.check()
        page.get_by_role("button", name="Promote").click()
        expect(said).to_contain_text("Promote all jobs that match: 2 due now")
        expect(box).not_to_be_checked()


def test_a_button_that_becomes_another_asks_for_nothing(web: Web, browser: Browser) -> None:
    """One that asked whether one is sure says what it does once it does something else, then and later."""
    with opened(browser, web) as page:
        said = page.evaluate("""async () => {
            const place = document.createElement("div");
            place.innerHTML = '<button name="do" value="Delete:this" form="acts" data-sure>Delete</button>';
            document.body.append(place);
            place.firstChild.click();
            await null;
            const asked = place.textContent;
            const promote = '<button name="do" value="Promote:this" form="acts">Promote</button>';
            morph(place, promote + '<button name="do" value="Delete:this" form="acts" data-sure>Delete</button>');
            const now = place.innerText;
            await new Promise((after) => setTimeout(after, 6500));
            return [asked, now, place.innerText];
        }""")
        assert said == ["Sure? Delete", "PromoteDelete", "PromoteDelete"]
