"""What a claim says of resources, and what its answer says of a job's needs."""

from collections.abc import Mapping

import pytest

from nbqueue.broker import claims
from nbqueue.broker.claims import Claimed
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call

ABOUT = b"1 0 0 0 1000 1000 0 1 "


def claiming(free: Mapping[str, float]) -> Call[Claimed]:
    """The call of an engine that has so much free."""
    return claims.claim(
        Keys(), queue="q", queue_key="arq:queue:q", engine="e", loop_room=1, process_room=1, resources=free
    )


def test_what_is_free_goes_with_the_claim() -> None:
    """As canonical text, the seventh argument; empty where nothing is offered, or nothing is left."""
    free = {"memory_gb": 7.5, "gpu": 1.0, "gurobi": 0.0}
    assert (claiming(free).args[6], claiming({}).args[6]) == ("gpu=1,memory_gb=7.5", "")


@pytest.mark.parametrize(
    ("words", "group", "needs"),
    [
        (b"- ", "", ""),
        (b"- g1", "g1", ""),
        (b"gpu=1,memory_gb=8 g1", "g1", "gpu=1,memory_gb=8"),
        (b"gpu=1 ", "", "gpu=1"),
    ],
)
def test_a_claim_has_the_needs_of_its_job(words: bytes, group: str, needs: str) -> None:
    """The word before the group's; a dash for a job that needs nothing."""
    [claim] = claiming({}).read([2000, b"0", [[b"j", ABOUT + words, b"{}"]], 0, 1, 0]).claims
    assert (claim.job_id, claim.lane, claim.group, claim.needs) == ("j", 1, group, needs)
