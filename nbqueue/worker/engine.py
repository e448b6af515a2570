"""The engine: claims jobs in batches, lets a runner run them, records in batches how they ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from nbqueue.broker import claims, jobs, scripts
from nbqueue.broker.claims import NONE_LACKED, Claimed, Finish
from nbqueue.broker.connection import explain, is_connection_error
from nbqueue.broker.keys import Keys
from nbqueue.broker.outage import is_full
from nbqueue.model.resources import NOTHING
from nbqueue.model.states import State
from nbqueue.worker.outbox import Leaving, Outbox
from nbqueue.worker.reports import Reports
from nbqueue.worker.room import Asked, Room, Share
from nbqueue.worker.runner import Runner
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
    #: what it may have of the engine's slots
    share: Share = Share()  # noqa: RUF009 - it never changes


class Engine:
    """One process's share of the queue. All of it runs on one event loop."""

    def __init__(
        self, *, client: Any, keys: Keys, engine_id: str, queues: Sequence[QueueRef], runner: Runner, outbox: Outbox,
        reports: Reports, loop_slots: int, process_slots: int, most_claims: int = -1, chance: Random | None = None,
        strict: bool = False, offers: Mapping[str, float] = NOTHING,
    ) -> None:  # fmt: skip
        self.id = engine_id
        self.client, self.keys, self.queues = client, keys, tuple(queues)
        self.runner, self.reports = runner, reports
        self._outbox = outbox
        self._room = Room(
            (loop_slots, process_slots), len(self.queues), most_claims,
            shares=[queue.share for queue in self.queues], strict=strict, offers=offers,
        )  # fmt: skip
        self.slots = Slots(self._room, self.want_claims)
        self._waiters: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._chance = chance or Random()  # noqa: S311 - it only spreads out waits
        self._wanted = asyncio.Event()
        self._sending = 0
        #: whether jobs wait for the ends of others, as far as the last claim told
        self._awaited = False
        #: set where one call did not tell all who wait
        self.unsettled = asyncio.Event()
        self._settled = asyncio.Event()
        #: queues whose calls are not listened to just now, as there was no room for their jobs
        self._unheard: list[int] = []
        self._rousing = False
        self._due_timers: dict[int, asyncio.TimerHandle] = {}
        #: what claims of a queue leave to other engines: the runner's `lacking.of`
        self.lacks: Callable[[str], Mapping[str, Sequence[str]]] = lambda _: NONE_LACKED

    async def pump(self) -> None:
        """Exchange ends for claims with the server, until cancelled, through any trouble with it."""
        async with asyncio.TaskGroup() as pumps:
            for _ in range(PUMPS):
                pumps.create_task(self._pump())

    def end(self, finish: Finish) -> None:
        """A claim ended; called by the runner, on the loop."""
        is_back = finish.state is State.QUEUED and finish.charge == "none"
        self.slots.leave((finish.job_id, finish.fence), is_back=is_back)
        message, report = self.reports.close(finish.job_id)
        self._outbox.put(Leaving(finish, report, message))
        self._wanted.set()

    async def recorded(self, finish: Finish) -> None:
        """Wait until the server has an end that was given to `end`."""
        waiter = self._waiters.setdefault((finish.job_id, finish.fence), asyncio.get_running_loop().create_future())
        await waiter

    def want_claims(self, queue: int | None = None) -> None:
        """There may be work in a queue, or in any."""
        self._room.want(queue)
        self._wanted.set()

    def listen(self) -> list[int]:
        """The queues whose calls are to be waited for: those with room. When others have room again it says so."""
        heard = [queue for queue in range(len(self.queues)) if self._room.has_room(queue)]
        self._unheard = [queue for queue in range(len(self.queues)) if queue not in heard]
        return heard

    def serve_also(self, queue: QueueRef) -> None:
        """Serve another queue, after those before."""
        self.queues += (queue,)
        self._room.add_queue()
        self.want_claims()

    def drain(self) -> None:
        """Claim no more; what runs goes on."""
        self._room.close()
        self._wanted.set()

    def has_room(self, queue: int) -> bool:
        """Whether another job of a queue could be started."""
        return self._room.has_room(queue)

    def is_leaving(self, job_id: str) -> bool:
        """Whether the end of a job waits to be recorded."""
        return self._outbox.holds(job_id)

    @property
    def busy(self) -> int:
        """Jobs under way."""
        return len(self.slots)

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
        asked, settles = self._room.ask(), self._awaited and bool(ends)
        rousing, self._rousing = self._rousing, False
        if not (ends or asked or rousing):
            return
        try:
            finishes = await claims.send_ahead(self.client, self.keys, [end.finish for end in ends])
            roused = [claims.rouse(self.keys, self.id)] * rousing
            calls = self._calls(ends, finishes, asked, settles=settles)
            replies = await scripts.run_all(self.client, [*roused, *calls])
        except BaseException:
            self._outbox.put_back(ends)
            for one in asked:
                self._room.answered(one, failed=True)
            self.slots.give()
            raise
        claimed = [replies.pop() for _ in asked][::-1]
        if settles and replies.pop() is True:
            self.unsettled.set()
        self._answered(asked, claimed)
        self.slots.give()
        self._rouse()
        if ends and isinstance(replies[-1], Exception):
            # what was kept of reports goes out once
            kept = not any(isinstance(reply, Exception) for reply in replies[:-1])
            left = [end._replace(report=None, message=None) for end in ends] if kept else ends
            await self._refused(left, replies[-1])
        elif ends and not all(replies[-1]):
            _tell_of_stale(ends, replies[-1])
        self._tell_waiters(ends)
        for reply in claimed:
            if isinstance(reply, Exception):
                raise reply

    def _answered(self, asked: list[Asked], claimed: list[Any]) -> None:
        for one, reply in zip(asked, claimed, strict=True):
            self._room.answered(one, failed=isinstance(reply, Exception))
            if isinstance(reply, Claimed):
                self._awaited = reply.awaited
                self._take_in(one, reply)

    def _calls(
        self, ends: list[Leaving], finishes: list[Finish], asked: list[Asked], *, settles: bool
    ) -> list[scripts.Call[Any]]:
        calls: list[scripts.Call[Any]] = []
        kept = [end.report for end in ends if end.report is not None]
        if kept:
            calls.append(claims.report(self.keys, self.id, kept))
        calls += [claims.publish(*end.message) for end in ends if end.message is not None]
        if ends:
            calls.append(claims.finish(self.keys, self.id, finishes))
        if settles:
            # before the claims: who waited for these ends may be claimed at once
            calls.append(jobs.settle(self.keys))
        return calls + [self._claim(one) for one in asked]

    def _claim(self, asked: Asked) -> scripts.Call[Claimed]:
        ref, (loop_room, process_room) = self.queues[asked.queue], asked.room
        return claims.claim(
            self.keys, queue=ref.name, queue_key=ref.key, engine=self.id, stock=ref.stock,
            loop_room=loop_room, process_room=process_room, resources=self._room.free_resources,
            lacks=self.lacks(ref.name),
        )  # fmt: skip

    def _rouse(self) -> None:
        """Have the wait for calls begun anew where one of a queue that has room again would not be heard."""
        if any(self._room.is_waiting(queue) for queue in self._unheard):
            self._unheard, self._rousing = [], True
            self._wanted.set()

    def _tell_waiters(self, ends: list[Leaving]) -> None:
        if self._waiters:
            for end in ends:
                waiter = self._waiters.pop((end.finish.job_id, end.finish.fence), None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)

    async def _refused(self, ends: list[Leaving], error: Exception) -> None:
        """Ends were refused: hold them while the store is away or full, else record each alone but the one at fault."""
        if is_connection_error(error) or is_full(error):
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
            if is_connection_error(reply) or is_full(reply):
                raise reply
            logger.error("The end of job %s cannot be recorded: %s", ascii(end.finish.job_id), reply)

    async def _back_off(self, tries: int, error: BaseException) -> None:
        if tries == 1 or tries % 10 == 0:
            held = len(self._outbox)
            logger.warning("Waiting for the server, holding %d results: %s", held, explain(error, "the server"))
        wait = FULL_WAIT_S if is_full(error) else min(LEAST_WAIT_S * 2 ** min(tries, 10), MOST_WAIT_S)
        await asyncio.sleep(wait * (1 + 0.5 * self._chance.random()))
        self.want_claims()

    def _take_in(self, asked: Asked, claimed: Claimed) -> None:
        self._room.found(asked, claimed.found, len(claimed.claims))
        if self._room.is_hungry:
            # before the jobs begin: the other pump asks for more while they run
            self._wanted.set()
        for claim in claimed.claims:
            self.slots.enter((claim.job_id, claim.fence), (self.runner.begin(claim), asked.queue, claim.needs))
        if claimed.next_due_s is not None:
            self._arm(asked.queue, claimed.next_due_s)

    def _arm(self, queue: int, due_s: float) -> None:
        """Wake up when the next waiting job of a queue is due."""
        if queue in self._due_timers:
            self._due_timers[queue].cancel()
        self._due_timers[queue] = asyncio.get_running_loop().call_later(due_s + 0.001, self.want_claims, queue)


def _tell_of_stale(ends: Sequence[Leaving], valid: Sequence[bool]) -> None:
    """Say which ends the server refused because their claims are others' by now."""
    for end in (end.finish for end, counts in zip(ends, valid, strict=True) if not counts):
        logger.warning("Job %s is held here no longer: the end of claim %d is refused.", ascii(end.job_id), end.fence)
