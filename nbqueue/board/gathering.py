"""Looks at the server once a second, on the client's own thread, for as long as a dashboard is open."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Protocol

from nbqueue.board import lacking, own
from nbqueue.board.activity import WINDOWS, Activity
from nbqueue.board.facts import Facts, QueueFacts
from nbqueue.board.grouped import Groups
from nbqueue.board.known import FIRST, Known
from nbqueue.board.own import Own
from nbqueue.board.past import Past
from nbqueue.board.roster import Choice
from nbqueue.board.seldom import Seldom
from nbqueue.broker import overview, queues
from nbqueue.broker.keys import Keys
from nbqueue.broker.overview import Overview
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError
from nbqueue.model.advice import patience_s
from nbqueue.model.job import JobRecord, moment
from nbqueue.model.states import State

#: seconds between two looks, after one that has not read everything, and after one that failed
PACE_S, SOON_S, AGAIN_S = 1.0, 0.2, 2.0
#: jobs that wait or run which are known by name, and those of a queue that is chosen
LIVE_JOBS, CHOSEN_JOBS = 1_000, 5_000
#: without a look for so long, what ended meanwhile is read from the history
GAP_S = 15.0


class Wishes(Protocol):
    """What the person who looks wants to see."""

    @property
    def choice(self) -> Choice:
        """Filters and the like."""
        ...

    @property
    def visible(self) -> Collection[str]:
        """Ids of the jobs that are on the page now."""
        ...


class Gathering:
    """One server as facts. `facts` is replaced by the portal's thread, and may be read by any."""

    def __init__(self, wishes: Wishes, is_up: Callable[[], bool], when_down: str) -> None:
        self._wishes = wishes
        #: whether the server may be asked, and what is said while it may not
        self._is_up, self._when_down = is_up, when_down
        self._woken: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._activity: Activity | None = None
        self._past: Past | None = None
        # counts of ends when the history was read last: what has not grown has no new entries
        self._ended: list[Mapping[State, int]] | None = None
        #: jobs that wait or run, and those of this notebook
        self._live, self._own = Known(first=FIRST), Known()
        self._groups = Groups()
        self._seldom = Seldom()
        #: what is known now
        self.facts = Facts()

    async def run(self, link: Link) -> None:
        """Look again and again, until this is cancelled."""
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        try:
            while True:
                pace_s = await self._try(link)
                self._woken.clear()
                try:
                    async with asyncio.timeout(pace_s):
                        await self._woken.wait()
                except TimeoutError:
                    pass  # nothing was asked for meanwhile
        finally:
            if self._past is not None:
                await self._past.close()

    def wake(self) -> None:
        """Look at once: something else is wanted, or was done. From any thread."""
        if self._loop is not None and self._woken is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    def forget(self, ids: Iterable[str]) -> None:
        """These were deleted, though the history tells of them. On the client's own thread."""
        if self._past is not None:
            for job_id in ids:
                self._past.drop(job_id)

    async def _try(self, link: Link) -> float:
        """Look once, and note what keeps from it; how long to wait for the next look."""
        try:
            if await asyncio.to_thread(self._is_up):
                await self._look(link)
                return PACE_S if self._live.is_complete else SOON_S
            self._tell(self._when_down)
        except NbqueueError as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001 - nobody waits for this: the dashboard says it, and looks again
            self._tell(f"{type(error).__name__}: {error}")
        return AGAIN_S

    def _tell(self, problem: str) -> None:
        if problem != self.facts.problem:
            self.facts = replace(self.facts, version=self.facts.version + 1, problem=problem)

    async def _look(self, link: Link) -> None:
        wire, choice = link.wire, self._wishes.choice
        most = CHOSEN_JOBS if choice.queue else LIVE_JOBS
        seen = await wire.ask(lambda client: overview.look(client, wire.keys, most_jobs=most, queue=choice.queue))
        engines = await wire.ask(lambda client: queues.engines(client, wire.keys))
        mine = await own.read(link) if choice.own else None
        await self._seldom.read(link, seen)
        past = self._past_of(link, wire.keys, seen)
        live = await self._read_live(link, seen, most)
        if (ended := [each.ended for each in self._stats(seen)]) != self._ended:
            await past.read_new()
            self._ended = ended
        ever = sum(map(Counter, self._ended), Counter[State]())
        await past.read_old(seen.at_ms - choice.window.length_s * 1000, ever)
        await self._read_shown(link, past)
        jobs = {**past.records, **{record.id: record for record in (*await self._read_own(link, past, mine), *live)}}
        groups = await self._groups.read(link, [*jobs.values()], mine.groups if mine else (), past.records)
        facts = self._facts(seen, choice, engines, live)
        warning = seen.memory.warning if seen.memory is not None else ""
        facts = replace(
            facts, jobs=tuple(jobs.values()), groups=groups, own=mine, older=past.older, warning=warning
        )  # fmt: skip
        self.facts = lacking.noted(facts, queues.offers(engines), partial(patience_s, wire.settings))

    def _past_of(self, link: Link, keys: Keys, seen: Overview) -> Past:
        """What has ended, begun anew after a time without a look."""
        activity, heard_s = self._activity, time.monotonic() - self.facts.heard_s
        if activity is None or self._past is None or (self.facts.at is not None and heard_s > GAP_S):
            self._activity = activity = Activity(seen.at_ms)
            self._past, self._ended = Past(link.wire.ask, keys, activity), None
        activity.take({each.name: each.ended for each in self._stats(seen)}, seen.at_ms)
        return self._past

    def _stats(self, seen: Overview) -> list[QueueStats]:
        """How all queues stand, also those that are not listed."""
        return [*(each.stats for each in seen.queues), *self._seldom.rest(seen)]

    async def _read_live(self, link: Link, seen: Overview, most: int) -> list[JobRecord]:
        """The records of jobs that wait or run."""
        running = {job_id for each in seen.queues for job_id in each.running}
        ids = _first([each.running for each in seen.queues], [each.waiting for each in seen.queues], most=most)
        return await self._live.read(link, ids, running, self._wishes.visible)

    async def _read_own(self, link: Link, past: Past, mine: Own | None) -> list[JobRecord]:
        """The records of the last jobs of this notebook, where they are wanted, as far as they are not known."""
        known = (past.records, self._live)
        ids = [job_id for job_id in (mine.jobs if mine else ()) if not any(job_id in each for each in known)]
        return await self._own.read(link, ids[:LIVE_JOBS], (), self._wishes.visible)

    async def _read_shown(self, link: Link, past: Past) -> None:
        """Of the ended jobs on the page all that is known, which is more than the history says."""
        ids = [job_id for job_id in self._wishes.visible if job_id in past.records and job_id not in self._live]
        found = {record.id: record for record in await _records(link, ids)}
        for job_id in ids:
            if job_id not in found:
                past.drop(job_id)
            elif found[job_id].state.is_final:
                past.put(found[job_id])

    def _facts(self, seen: Overview, choice: Choice, engines: Sequence[EngineInfo], live: Sequence[JobRecord]) -> Facts:
        activity = self._activity or Activity(seen.at_ms)
        listed = Counter(record.queue for record in live)
        unseen = {
            each.name: each.queued + each.scheduled + each.running - listed[each.name] for each in self._stats(seen)
        }

        def facts_of(stats: QueueStats, oldest_s: float | None = None) -> QueueFacts:
            return QueueFacts(stats=stats, per_minute=activity.per_minute(stats.name, seen.at_ms), oldest_s=oldest_s)

        return Facts(
            version=self.facts.version + 1,
            at=moment(seen.at_ms),
            heard_s=time.monotonic(),
            queues=tuple(facts_of(each.stats, self._seldom.oldest_s(each)) for each in seen.queues),
            rest=tuple(map(facts_of, self._seldom.rest(seen))),
            engines=tuple(engines),
            limits=self._seldom.limits,
            queue=choice.queue,
            unseen={name: count for name, count in unseen.items() if count > 0},
            chart=activity.chart(choice.window, seen.at_ms),
            charts=tuple(activity.chart(window, seen.at_ms) for window in WINDOWS),
        )


def _first(*parts: Sequence[Sequence[str]], most: int) -> dict[str, None]:
    """The ids of all queues in turn, those that run before those that wait, up to the bound."""
    ids = (job_id for part in parts for rank in zip_longest(*part) for job_id in rank if job_id)
    found: dict[str, None] = {}
    for job_id in ids:
        if len(found) >= most:
            break
        found[job_id] = None
    return found


async def _records(link: Link, ids: Sequence[str]) -> list[JobRecord]:
    return [record for record in await link.records(ids) if record is not None]
