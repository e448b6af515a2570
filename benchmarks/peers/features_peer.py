"""nbqueue with one of its features at a time: the same no-op jobs, registered on one worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import nbqueue
from benchmarks.peers.driving import main
from benchmarks.peers.nbqueue_peer import Nbqueue
from nbqueue.client.delivery import deliver_all
from nbqueue.client.session import session
from nbqueue.client.submission import draft_many

#: jobs of one priority that are submitted together, where several are mixed
MIXED = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """How the jobs are submitted; as it stands, with nothing but their arguments."""

    #: options of the jobs, taken in turns
    given: Sequence[dict[str, Any]] = ({},)
    #: jobs submitted together
    together: int = sys.maxsize
    #: what `Queue.limits` sets while it is measured
    limits: dict[str, Any] = field(default_factory=dict)
    #: whether they are a group, and whether they wait for a job of their own
    is_group: bool = False
    has_parent: bool = False


PLAIN = Feature()
FEATURES = {
    "three priorities, mixed": Feature(
        given=[{"priority": each} for each in ("low", "high", "normal")], together=MIXED
    ),
    "concurrency=1000": Feature(given=[{"concurrency": 1000}]),
    "concurrency=50, which binds": Feature(given=[{"concurrency": 50}]),
    'rate="100000/s"': Feature(given=[{"rate": "100000/s"}]),
    "Queue.limits(concurrency=1000)": Feature(limits={"concurrency": 1000}),
    "a group (submit_map)": Feature(is_group=True),
    "after= one job": Feature(has_parent=True),
}  # fmt: skip


class Featured(Nbqueue):
    """Fills the queue with plain jobs, or with those of the feature that it was told to use."""

    def __init__(self, variant: str) -> None:
        super().__init__(variant)
        self.feature = PLAIN

    async def use(self, name: str) -> None:
        """From now on submit jobs with this; with no name plain ones."""
        self.feature = FEATURES.get(name, PLAIN)
        await self.queue.limits(**self.feature.limits)

    async def fill(self, count: int) -> None:
        """Submit."""
        if self.feature.is_group:
            await nbqueue.submit_map(self.function, range(count))
            return
        parent = {"after": [(await nbqueue.submit(self.function, 0)).id]} if self.feature.has_parent else {}
        size = min(count, self.feature.together)
        for turn, first in enumerate(range(0, count, size)):
            given = self.feature.given[turn % len(self.feature.given)]
            await _submit(self.function, range(first, min(first + size, count)), {**given, **parent})


async def _submit(function: Callable[..., Any] | str, numbers: range, given: dict[str, Any]) -> None:
    """As many calls of `submit` would, in few round trips: `submit_map` without its group."""
    here = session()
    drafts = draft_many(here.settings, function, [(number,) for number in numbers], given)
    alone = replace(drafts[0].order, group="", size=0)
    await here.begin(
        lambda link: deliver_all(link, [replace(draft, order=alone) for draft in drafts]), what="submitting"
    )


if __name__ == "__main__":
    main(Featured(sys.argv[2]))
