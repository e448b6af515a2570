"""One look at the server for all who watch: begun by the first page that is open, ended after the last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace

from nbqueue.board.facts import Facts
from nbqueue.board.gathering import Gathering
from nbqueue.board.roster import Choice
from nbqueue.client.session import Session
from nbqueue.errors import JobLost, NbqueueError
from nbqueue.web.pages.followed import Followed, GroupFollowed, JobFollowed
from nbqueue.web.pages.planned import Planned
from nbqueue.web.pages.views import CHOICE, Kind, View, resolved

#: how long the first facts are waited for, and how often it is looked for them
FIRST_S, FIRST_LOOK_S = 2.0, 0.01
#: how often it is seen whether there is something new
LOOK_S = 0.2
#: for so long nobody may look before the server is asked no more: a page that loads anew finds all as it was
LINGER_S = 20.0
#: jobs and groups that are followed at once
MOST_FOLLOWED = 50


class TooMuch(Exception):
    """More jobs are open in browsers than are followed at once."""


class Hub:
    """What all pages of one web server know. Used by the loop of that server alone, but for what says otherwise."""

    def __init__(
        self, of: Session, is_up: Callable[[], bool], when_down: str, *, linger_s: float = LINGER_S
    ) -> None:  # fmt: skip
        """Args: whom to ask; whether it may be asked, what is said while it may not; for how long when nobody looks."""
        #: whom to ask
        self.session = of
        self._is_up, self._when_down = is_up, when_down
        self._linger_s = linger_s
        self._gathering: Gathering | None = None
        self._looking: Future[None] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._viewers: list[View] = []
        self._followed: dict[tuple[Kind, str], Followed] = {}
        # how many more will be followed in a moment
        self._beginning = 0
        self._planned: Planned | None = None
        self._left_at = time.monotonic()
        self._drawn: dict[View, tuple[str, ...]] = {}
        self._turned = asyncio.Event()
        #: grows whenever there is something new to draw
        self.turn = 0
        # read by the client's thread, and replaced as a whole
        self._choice, self._visible = CHOICE, frozenset[str]()

    @property
    def choice(self) -> Choice:
        """What the gathering is asked for: enough for everybody who looks. From any thread."""
        return self._choice

    @property
    def visible(self) -> Collection[str]:
        """Ids of the jobs that somebody sees. From any thread."""
        return self._visible

    @property
    def facts(self) -> Facts:
        """What is known of the server now."""
        return Facts() if self._gathering is None else self._gathering.facts

    @property
    def is_looking(self) -> bool:
        """Whether the server is asked again and again."""
        return self._looking is not None

    @property
    def planned(self) -> Planned | None:
        """The schedules, where somebody looks at them."""
        return self._planned

    @contextmanager
    def watching(self, view: View) -> Iterator[None]:
        """Somebody looks at a page within the block."""
        self._viewers.append(view)
        self._note_wishes()
        self.begin()
        try:
            yield
        finally:
            self._viewers.remove(view)
            self._note_wishes()
            self._left_at = time.monotonic()

    def begin(self) -> None:
        """Look at the server, as somebody wants to see it; nothing where it is looked at already."""
        self._left_at = time.monotonic()
        if self._looking is not None and self._looking.done():
            self._looking = None
        if self._looking is None:
            self._gathering = Gathering(self, self._is_up, self._when_down)
            self._looking = self.session.call(self._gathering.run)
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.get_running_loop().create_task(self._tick())

    async def first(self) -> None:
        """Wait until something is known, though not for long."""
        for _ in range(round(FIRST_S / FIRST_LOOK_S)):
            if self.facts.version:
                return
            await asyncio.sleep(FIRST_LOOK_S)

    async def seen_anew(self) -> None:
        """Wait until the server was looked at once more, though not for long: something was done."""
        version = self.facts.version
        self.wake()
        for _ in range(round(FIRST_S / FIRST_LOOK_S)):
            if self.facts.version != version:
                return
            await asyncio.sleep(FIRST_LOOK_S)

    async def follow(self, view: View, *, anew: bool = False) -> Followed | None:
        """The job or group of a page, followed from now on; None for other pages. Raises JobLost for unknown ones.

        Args:
            view: the page.
            anew: whether it is loaded: who reloads a page wants to see how things stand now.
        """
        if view.kind is Kind.SCHEDULES:
            self._planned = planned = self._planned or Planned(self.session)
            if anew:
                planned.stale()
            version = planned.version
            await planned.refresh()
            if planned.version != version:
                self._turn()
        if view.kind not in (Kind.JOB, Kind.GROUP):
            return None
        found = self._followed.get((view.kind, view.id))
        if found is None:
            found = await self._begun(view)
        elif anew:
            await self._renew(view, found)
        found.seen_at = time.monotonic()
        return found

    async def _begun(self, view: View) -> Followed:
        """Follow one more; its place is taken before the server is asked for it."""
        made = JobFollowed(view.id, self.session) if view.kind is Kind.JOB else GroupFollowed(view.id, self.session)
        self._make_room()
        self._beginning += 1
        try:
            await made.begin()
        finally:
            self._beginning -= 1
        found = self._followed.setdefault((view.kind, view.id), made)
        if found is not made:
            made.close()
        return found

    async def _renew(self, view: View, found: Followed) -> None:
        """Read what is followed again; a server that does not answer keeps nobody waiting for long."""
        try:
            async with asyncio.timeout(FIRST_S):
                await found.renew()
        except JobLost:
            if not any((each.kind, each.id) == (view.kind, view.id) for each in self._viewers):
                found.close()
                self._followed.pop((view.kind, view.id), None)
            raise
        except (NbqueueError, TimeoutError):
            return  # the page says already that the server does not answer
        self._turn()

    def _make_room(self) -> None:
        """Let go of what was left longest ago, where too much is followed. Raises TooMuch where all is watched."""
        if len(self._followed) + self._beginning < MOST_FOLLOWED:
            return
        watched = {(view.kind, view.id) for view in self._viewers}
        left = {key: each.seen_at for key, each in self._followed.items() if key not in watched}
        if not left:
            raise TooMuch
        self._followed.pop(min(left, key=left.__getitem__)).close()

    def drawn(self, view: View, ids: tuple[str, ...]) -> None:
        """These rows are what a page shows now."""
        before = self._drawn.get(view)
        self._drawn[view] = ids
        if before is None or not set(ids) <= set(before):
            self._note_wishes()
            self.wake()

    def wake(self) -> None:
        """Look at once: something was done."""
        if self._gathering is not None:
            self._gathering.wake()

    def resolved(self, choice: Choice) -> Choice:
        """What is chosen, by the queues that there are; while none is known, as it was written."""
        facts = self.facts
        return choice if facts.at is None else resolved(choice, {stats.name for stats in facts.stats})

    def forget(self, ids: Collection[str]) -> None:
        """These were deleted. On the client's own thread."""
        if self._gathering is not None:
            self._gathering.forget(ids)

    async def turned_after(self, turn: int, timeout_s: float) -> int:
        """The number of the newest turn, once it is not this one any more or so much time has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.turn == turn:
                    await self._turned.wait()
        return self.turn

    def _turn(self) -> None:
        """There is something new to draw."""
        self.turn += 1
        self._turned.set()
        self._turned = asyncio.Event()

    def _note_wishes(self) -> None:
        """What all that look need: the longest time, one queue where all have chosen it."""
        shown = {*self._viewers, *self._drawn}
        choices = [view.choice for view in self._viewers] or [view.choice for view in self._drawn]
        queues = {self.resolved(choice).queue for choice in choices}
        window = max((choice.window for choice in choices), key=lambda each: each.length_s, default=CHOICE.window)
        chosen = replace(CHOICE, window=window, queue=queues.pop() if len(queues) == 1 else "")
        before, self._choice = self._choice, chosen
        self._visible = frozenset(row for view in shown for row in self._drawn.get(view, ()))
        if chosen != before:
            self.wake()

    async def _tick(self) -> None:
        """Notice what is new, and that nobody looks any more."""
        before: object = None
        while self._viewers or time.monotonic() - self._left_at < self._linger_s:
            facts = self.facts
            # while the server is silent the time since then grows
            silent = int(time.monotonic() - facts.heard_s) if facts.problem or _is_silent(facts) else 0
            followed = tuple(each.version for each in self._followed.values())
            now = (facts.version, facts.problem, silent, followed, self._planned and self._planned.version)
            if now != before:
                before = now
                self._turn()
            self._look_after()
            await asyncio.sleep(LOOK_S)
        self._end()

    def _look_after(self) -> None:
        """Let go of what nobody looks at, and read what changes seldom."""
        watched = {(view.kind, view.id) for view in self._viewers}
        lingers = time.monotonic() - self._linger_s
        for key, each in list(self._followed.items()):
            if key in watched:
                each.seen_at = time.monotonic()
                each.refresh(self._visible)
            elif each.seen_at < lingers:
                each.close()
                del self._followed[key]
        seen = {view: ids for view, ids in self._drawn.items() if view in self._viewers}
        # pages without scripts are not watched, and were drawn a moment ago
        self._drawn = seen or dict([*self._drawn.items()][-MOST_FOLLOWED:])
        if self._planned is not None and any(kind is Kind.SCHEDULES for kind, _ in watched):
            self._planned.look()

    def _end(self) -> None:
        """Ask the server no more."""
        if self._looking is not None:
            self._looking.cancel()
        for each in self._followed.values():
            each.close()
        self._looking, self._planned, self._followed, self._drawn = None, None, {}, {}


def _is_silent(facts: Facts) -> bool:
    return facts.at is not None and time.monotonic() - facts.heard_s > 1.5  # noqa: PLR2004 - looks come once a second
