"""What the buttons of pages do: each act answers in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from nbqueue.board import acts
from nbqueue.board.acts import DELETE
from nbqueue.board.picked import Picked, counted
from nbqueue.client import finding, scheduling, sweeping
from nbqueue.client.link import Link
from nbqueue.display import wording
from nbqueue.errors import NbqueueError
from nbqueue.model.states import State
from nbqueue.web.pages.hub import Hub
from nbqueue.web.pages.views import View

#: jobs that are cleared at most at once
MOST = 100_000
#: what is asked for once more before it is done: it cannot be undone
SURE = frozenset({DELETE, "clear", "schedule-delete"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody pressed."""

    #: what is to be done
    verb: str
    #: to which queue or schedule
    name: str = ""
    #: to which jobs and groups, by the names of their rows
    rows: tuple[str, ...] = ()
    #: to all jobs that the filters of the page are true of
    matching: bool = False
    #: how many these are, in words with a space behind, where they were counted
    found: str = "jobs "
    #: whether it was asked for once more
    sure: bool = False
    #: the page that it was pressed on
    view: View

    @property
    def what(self) -> str:
        """It in words."""
        if self.verb in acts.JOBS:
            some = f"all {self.found}that match" if self.matching else Picked(self.rows, None).words  # type: ignore[arg-type]
            return f"{self.verb} {some}"
        return wording.line(f"{_WORDS.get(self.verb, self.verb)} {self.name}")

    @property
    def needs_sure(self) -> bool:
        """Whether it has to be asked for once more."""
        return self.verb in SURE and not self.sure and bool(self.rows or self.matching or self.name)


async def act(hub: Hub, wish: Wish) -> str:
    """Do it; how it went, in a sentence."""
    if wish.verb in acts.JOBS:
        if not (wish.rows or wish.matching):
            return "Nothing is selected: tick the boxes of jobs first."
        return await _answered(hub, wish.what, lambda link: _jobs(link, hub, wish))
    if (named := _NAMED.get(wish.verb)) is None:
        return f"There is no act {ascii(wish.verb)[:40]} here: use the buttons of the page."
    return await _answered(hub, wish.what, lambda link: named(link, wish.name))


async def count(hub: Hub, view: View) -> int:
    """How many jobs of the server the filters of a page are true of."""

    async def counted_(link: Link) -> int:
        found, _ = await acts.matching(link, view.listed)
        return len(found)

    return await asyncio.wrap_future(hub.session.call(counted_))


async def with_count(hub: Hub, wish: Wish) -> Wish:
    """The same, with the number of jobs that it would be done to."""
    if not wish.matching or wish.verb not in acts.JOBS:
        return wish
    try:
        return replace(wish, found=f"{counted(await count(hub, wish.view), 'job')} ")
    except NbqueueError:
        return wish  # what is asked can be asked all the same


async def _answered(hub: Hub, what: str, act: Callable[[Link], Awaitable[str]]) -> str:
    async def acted(link: Link) -> str:
        return await act(link)

    try:
        told = await asyncio.wrap_future(hub.session.promise(acted))
    except NbqueueError as error:
        told = f"not done: {error}"
    if hub.planned is not None:
        hub.planned.stale()
    hub.wake()
    return wording.line(f"{what}: {told}", 400)


async def _jobs(link: Link, hub: Hub, wish: Wish) -> str:
    rows: Sequence[str] = wish.rows
    cut = ""
    if wish.matching:
        found, cut = await acts.matching(link, wish.view.listed)
        rows = [record.id for record in found]
    return f"{await acts.act(link, wish.verb, Picked(rows, hub.session), hub.forget)}{cut}"


async def _clear(link: Link, name: str) -> str:
    wanted = finding.wanted(state=(State.QUEUED, State.SCHEDULED), queue=name, limit=MOST)
    return f"{counted(await sweeping.clear(link, wanted, None), 'waiting job')} forgotten"


async def _pause_schedule(link: Link, name: str) -> str:
    await scheduling.pause(link, name)
    return "it starts nothing until it is resumed"


async def _resume_schedule(link: Link, name: str) -> str:
    await scheduling.resume(link, name)
    return "it goes on"


async def _run_schedule(link: Link, name: str) -> str:
    return f"submitted as {await scheduling.trigger(link, name)}"


async def _delete_schedule(link: Link, name: str) -> str:
    await scheduling.delete(link, name)
    return "forgotten"


_NAMED: Mapping[str, Callable[[Link, str], Awaitable[str]]] = {
    "pause": acts.pause, "resume": acts.resume, "clear": _clear, "schedule-pause": _pause_schedule,
    "schedule-resume": _resume_schedule, "schedule-run": _run_schedule, "schedule-delete": _delete_schedule,
}  # fmt: skip
_WORDS = {
    "pause": "Pause queue", "resume": "Resume queue", "clear": "Clear queue", "schedule-pause": "Pause schedule",
    "schedule-resume": "Resume schedule", "schedule-run": "Run schedule", "schedule-delete": "Delete schedule",
}  # fmt: skip
