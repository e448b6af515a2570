"""Why a ready job does not run yet, in words."""

from __future__ import annotations

import pytest

from nbqueue.model.advice import no_resources, no_worker
from nbqueue.model.holdup import Place, Standing, lack_at, why
from nbqueue.model.limits import Limit


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (Place(ahead=12, in_process=True), "behind 12 jobs, 2 of 2 slots busy"),
        (Place(ahead=1, in_process=True), "behind 1 job, 2 of 2 slots busy"),
        (Place(ahead=0, in_process=True), "2 of 2 slots busy"),
        (Place(ahead=3), "behind 3 jobs"),
        (Place(gate="l:q:default", limit=Limit(rate=2, per_ms=1000)), 'over the limit of queue "default" (2 in 1 s)'),
        (Place(gate="b:f:solve", limit=Limit(concurrency=1)), "over the limit of solve (1 at once)"),
        (Place(gate="l:k:licence"), 'over the limit of key "licence"'),
        (Place(gate="f:solve"), "function solve is paused"),
        (Place(gate="t:{a}"), 'tag "{a}" is paused'),
        (Place(gate="g:1"), "its group is paused"),
        (Place(gate="r:gpu=1"), "waits for gpu=1"),
        (Place(gate="n:name:solve"), "left to another worker, which has what it needs"),
        (Place(gate="n:key:7f3a"), "waits for a worker with key 7f3a"),
        (Place(gate="?"), "held back"),
        (Place(ahead=3, in_process=True, needs="gpu=2"), "waits for gpu=2, behind 3 jobs, 2 of 2 slots busy"),
        (Place(ahead=3, needs="gpu=1"), "behind 3 jobs"),
        (Place(gate="blocked"), "waits for other jobs"),
        (Place(gate="blocked", parent="job train", parents=1), "waits for job train"),
        (Place(gate="blocked", parent="group double", parents=2), "waits for group double and 1 other"),
        (Place(gate="blocked", parent="job train", parents=1201), "waits for job train and 1,200 others"),
    ],
)
def test_a_place_in_words(place: Place, told: str) -> None:
    """Who is before it and what is busy, or what holds it back."""
    free = {"default": [{"gpu": 1.0}, {}]}
    standing = Standing(offers={}, slots={"default": (2, 2)}, free=free, places={"j1": place})
    assert why(standing, "default", "j1") == told


def test_resources_of_which_nothing_is_known_hold_nothing_up() -> None:
    """Where no worker that serves the queue was asked, only what is known is said."""
    standing = Standing(offers={}, slots={}, places={"j1": Place(ahead=3, needs="gpu=1")})
    assert why(standing, "default", "j1") == "behind 3 jobs"


def test_a_queue_in_words() -> None:
    """A pause is told; what is busy depends on the job."""
    standing = Standing(offers={}, slots={"a": (3, 3), "b": (1, 2)}, paused=frozenset({"a"}), places={})
    assert [why(standing, queue) for queue in ("a", "b", "c")] == ['queue "a" is paused', "", ""]


@pytest.mark.parametrize(
    ("queue", "place", "told"),
    [
        ("day", Place(ahead=0, needs="gpu=1"), no_resources("day", "gpu=1")),
        ("day", Place(gate="r:gpu=1", needs="gpu=1"), no_resources("day", "gpu=1")),
        ("day", Place(gate="l:q:day", needs="gpu=1"), no_resources("day", "gpu=1")),
        ("day", Place(gate="f:solve", needs="gpu=1"), ""),
        ("day", Place(ahead=3), ""),
        ("night", Place(ahead=3), no_worker("night")),
        ("night", Place(gate="g:1"), ""),
        ("held", Place(ahead=3), ""),
    ],
)
def test_what_a_job_of_a_group_will_not_get(queue: str, place: Place, told: str) -> None:
    """As of a single job, from its place alone; nothing where a pause is before that."""
    standing = Standing(offers={"day": [{}]}, slots={}, paused=frozenset({"held"}), places={"j1": place})
    assert lack_at(standing, queue, "j1") == told
