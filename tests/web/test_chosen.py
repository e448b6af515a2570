"""What the page lists of a queue that is chosen."""

from functools import partial

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.waiting import wait_until
from tests.web.running import Web

#: more of a group before those that stand alone than are listed of all queues
IN_GROUP, SINGLE = 1_100, 60


@pytest.fixture(scope="module")
def bulk(base: Settings) -> str:
    """A queue that nobody serves: a group, then single jobs with a tag and a label."""
    assert base.url
    nbqueue.options(queue="bulk").submit_map("add", range(IN_GROUP)).wait(20)
    singles = [
        nbqueue.options(queue="bulk", label=f"single {number}", tags=[f"t{number % 7}"]) for number in range(SINGLE)
    ]
    for begun in [each.submit("add", 1) for each in singles]:
        begun.wait(20)
    return "bulk"


def test_a_chosen_queue_lists_all_of_its_own(web: Web, bulk: str) -> None:
    """Also what stands behind a thousand others, and by its label and its tag."""
    totals = {"": f"of {1 + SINGLE}<", "&text=single": f"of {SINGLE}<", "&text=t3": "1 to 9 of 9<"}
    for more, told in totals.items():
        wait_until(partial(_says, web, f"/?queue={bulk}{more}", told), 20)
    assert "Not listed" not in web.get(f"/?queue={bulk}").body.decode()


def _says(web: Web, place: str, told: str) -> bool:
    return told in web.get(place).body.decode()
