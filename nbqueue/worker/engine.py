"""The engine: claims jobs in batches, lets a runner run them, records in batches how they ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from nbqueue.broker import claims, scripts
from nbqueue.broker.claims import Claim, Claimed, Finish
from nbqueue.broker.connection import explain, is_connection_error
from nbqueue.broker.keys import Keys
from nbqueue.errors import StoreFull
from nbqueue.worker.outbox import Leaving, Outbox
from nbqueue.worker.reports import Reports
from nbqueue.worker.room import Asked, Room
from nbqueue.worker.slots import Slots

logger = logging.getLogger("nbqueue.worker")

#: identical pumps: while one waits for the server the other records what ended meanwhile
PUMPS = 2
#: before jitter of up to a half: back within 2 s of the server, no more than 2 tries a second at a full one
LEAST_WAIT_S, MOST_WAIT_S, FULL_WAIT_S = 0.05, 1.3, 1.0


@dataclass(frozen=True, slots=True)
class QueueRef:
    """A queue an engine serves, and the key it has."""

    name: str
    key: str
    #: stock arq clients submit to it
    stock: bool = False


class Runner(Protocol):
    """Runs claims; tells the engine of each end by `Engine.end`."""

    def begin(self, claim: Claim) -> int:
        """Start a claim; the lane whose room it takes: 0 event loop, 1 process. It ends later, never inside."""

    def stop(self, job_id: str, reason: str) -> None:
        """Ask a running job to stop."""

    def running(self) -> dict[str, int]:
        """The jobs under way, with their fences."""


class Engine:
    """One process's share of the queue. All of it runs on one event loop."""

    def __init__(
        self, *, client: Any, keys: Keys, engine_id: str, queues: Sequence[QueueRef], runner: Runner, outbox: Outbox,
        reports: Reports, loop_slots: int, process_slots: int, most_claims: int = -1, chance: Random | None = None,
    ) -> None:  # fmt: skip
        self.id = engine_id
        self.client, self.keys, self.queues = client, keys, tuple(queues)
        self.runner, self.reports = runner, reports
        self._outbox = outbox
        self._room = Room((loop_slots, process_slots), len(self.queues), most_claims)
        self._slots = Slots(self._room)
        self._waiters: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._chance = chance or Random()  # noqa: S311 - it only spreads out waits
        self._wanted = asyncio.Event()
        self._sending = 0
        self._settled = asyncio.Event()
        self._due_timer: asyncio.TimerHandle | None = None

    async def pump(self) -> None:
        """Exchange ends for claims with the server, until cancelled, through any trouble with it."""
        async with asyncio.TaskGroup() as pumps:
            for _ in range(PUMPS):
                pumps.create_task(self._pump())

    def end(self, finish: Finish) -> None:
        """A claim ended; called by the runner, on the loop."""
        self._slots.leave((finish.job_id, finish.fence))
        message, report = self.reports.close(finish.job_id)
        self._outbox.put(Leaving(finish, report, message))
        self._wanted.set()

    def rest(self, job_id: str, fence: int) -> bool:
        """A job waits for jobs of its own: others may have its slot; False where too many wait so."""
        rests = self._slots.rest((job_id, fence))
        self.want_claims()
        return rests

    def back(self, job_id: str, fence: int) -> asyncio.Future[None]:
        """It goes on, as soon as there is a slot for it."""
        return self._slots.back((job_id, fence))

    async def recorded(self, finish: Finish) -> None:
        """Wait until the server has an end that was given to `end`."""
        waiter = self._waiters.setdefault((finish.job_id, finish.fence), asyncio.get_running_loop().create_future())
        await waiter

    def want_claims(self) -> None:
        """There may be work."""
        self._room.want()
        self._wanted.set()

    def drain(self) -> None:
        """Claim no more; what runs goes on."""
        self._room.close()
        self._wanted.set()

    def has_room(self) -> bool:
        """Whether another job could be started."""
        return self._room.has_any

    def is_leaving(self, job_id: str) -> bool:
        """Whether the end of a job waits to be recorded."""
        return self._outbox.holds(job_id)

    @property
    def busy(self) -> int:
        """Jobs under way."""
        return len(self._slots)

    @property
    def is_settled(self) -> bool:
        """Whether nothing runs and every end is recorded."""
        return not (self.busy or len(self._outbox) or self._sending)

    @property
    def is_exhausted(self) -> bool:
        """Whether, besides, the queues had nothing more when last asked."""
        return self.is_settled and not self._room.is_hungry

    async def settled(self) -> None:
        """Wait until nothing runs and every end is recorded."""
        while not self.is_settled:
            self._settled.clear()
            await self._settled.wait()

    async def _pump(self) -> None:
        tries = 0
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._sending += 1
            try:
                await self._exchange(self._outbox.take())
                tries = 0
            except scripts.TROUBLE as error:
                tries += 1
                await self._back_off(tries, error)
            finally:
                self._sending -= 1
                self._settled.set()

    async def _exchange(self, ends: list[Leaving]) -> None:
        """One round trip: ends go out, claims come in."""
        asked = self._room.ask()
        if not ends and asked is None:
            return
        try:
            finishes = await claims.send_ahead(self.client, self.keys, [end.finish for end in ends])
            replies = await scripts.run_all(self.client, self._calls(ends, finishes, asked))
        except BaseException:
            self._outbox.put_back(ends)
            self._room.answered(asked, failed=True)
            self._slots.give()
            raise
        claimed = replies.pop() if asked is not None else None
        self._room.answered(asked, failed=isinstance(claimed, Exception))
        if asked is not None and isinstance(claimed, Claimed):
            self._take_in(asked, claimed)
        self._slots.give()
        if ends and isinstance(replies[-1], Exception):
            # what was kept of reports goes out once
            kept = not any(isinstance(reply, Exception) for reply in replies[:-1])
            left = [end._replace(report=None, message=None) for end in ends] if kept else ends
            await self._refused(left, replies[-1])
        elif ends and not all(replies[-1]):
            _tell_of_stale(ends, replies[-1])
        self._tell_waiters(ends)
        if isinstance(claimed, Exception):
            raise claimed

    def _calls(self, ends: list[Leaving], finishes: list[Finish], asked: Asked | None) -> list[scripts.Call[Any]]:
        calls: list[scripts.Call[Any]] = []
        kept = [end.report for end in ends if end.report is not None]
        if kept:
            calls.append(claims.report(self.keys, self.id, kept))
        calls += [claims.publish(*end.message) for end in ends if end.message is not None]
        if ends:
            calls.append(claims.finish(self.keys, self.id, finishes))
        if asked is not None:
            ref, (loop_room, process_room) = self.queues[asked.queue], asked.room
            rooms = {"loop_room": loop_room, "process_room": process_room}
            calls.append(
                claims.claim(self.keys, queue=ref.name, queue_key=ref.key, engine=self.id, stock=ref.stock, **rooms)
            )
        return calls

    def _tell_waiters(self, ends: list[Leaving]) -> None:
        if self._waiters:
            for end in ends:
                waiter = self._waiters.pop((end.finish.job_id, end.finish.fence), None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)

    async def _refused(self, ends: list[Leaving], error: Exception) -> None:
        """Ends were refused: hold them while the store is away or full, else record each alone but the one at fault."""
        if is_connection_error(error) or _is_full(error):
            self._outbox.put_back(ends)
            raise error
        for number, end in enumerate(ends):
            try:
                await self._record_alone(end)
            except BaseException:
                self._outbox.put_back(ends[number:])
                raise
            self._tell_waiters([end])

    async def _record_alone(self, end: Leaving) -> None:
        (reply,) = await scripts.run_all(self.client, [claims.finish(self.keys, self.id, [end.finish])])
        if isinstance(reply, Exception):
            if is_connection_error(reply) or _is_full(reply):
                raise reply
            logger.error("The end of job %s cannot be recorded: %s", ascii(end.finish.job_id), reply)

    async def _back_off(self, tries: int, error: BaseException) -> None:
        if tries == 1 or tries % 10 == 0:
            held = len(self._outbox)
            logger.warning("Waiting for the server, holding %d results: %s", held, explain(error, "the server"))
        wait = FULL_WAIT_S if _is_full(error) else min(LEAST_WAIT_S * 2 ** min(tries, 10), MOST_WAIT_S)
        await asyncio.sleep(wait * (1 + 0.5 * self._chance.random()))
        self.want_claims()

    def _take_in(self, asked: Asked, claimed: Claimed) -> None:
        self._room.found(asked, claimed.found, len(claimed.claims))
        if self._room.is_hungry:
            # before the jobs begin: the other pump asks for more while they run
            self._wanted.set()
        for claim in claimed.claims:
            lane = self.runner.begin(claim)
            self._slots.enter((claim.job_id, claim.fence), lane)
        if claimed.next_due_s is not None:
            self._arm(claimed.next_due_s)

    def _arm(self, due_s: float) -> None:
        """Wake up when the next waiting job is due."""
        if self._due_timer is not None:
            self._due_timer.cancel()
        self._due_timer = asyncio.get_running_loop().call_later(due_s + 0.001, self.want_claims)


def _tell_of_stale(ends: Sequence[Leaving], valid: Sequence[bool]) -> None:
    """Say which ends the server refused because their claims are others' by now."""
    for end in (end.finish for end, counts in zip(ends, valid, strict=True) if not counts):
        logger.warning("Job %s is held here no longer: the end of claim %d is refused.", ascii(end.job_id), end.fence)


def _is_full(error: BaseException) -> bool:
    return isinstance(explain(error, "the server"), StoreFull)
