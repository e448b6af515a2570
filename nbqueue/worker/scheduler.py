"""Makes the jobs of schedules when their time comes, on the server's clock; every engine does, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from random import Random
from typing import Any

from nbqueue.broker import handshake, jobs, schedules, scripts
from nbqueue.broker.connection import explain
from nbqueue.broker.keys import Keys
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.broker.scheduled_calls import ScheduledCall, job_id
from nbqueue.broker.schedules import Taken
from nbqueue.broker.signing import Keyring
from nbqueue.errors import ConfigurationError, TamperedPayload
from nbqueue.model.schedule import Standing, Turn, turn
from nbqueue.worker import life

logger = logging.getLogger("nbqueue.worker")

#: a schedule that is made or changed is seen within this
POLL_S = 1.0
#: engines do not all ask at the very moment a schedule is due
SPREAD_S = 0.03
#: seconds without turns after one at a schedule whose key is lacking here, so that others take it
REST_S = 10.0
#: while a run waits for the end of the one before, that is looked for so often
LOOK = timedelta(seconds=0.4)


class Scheduler:
    """Takes turns at schedules.

    A turn is taken from all other engines, and what it does is decided by the server's time. Its jobs have ids made of
    the schedule's name and their time: who takes over after an engine that died in the middle submits them again, and
    nothing happens twice.
    """

    def __init__(self, client: Any, keys: Keys, keyring: Keyring, *, chance: Random | None = None) -> None:
        self._client, self._keys, self._keyring = client, keys, keyring
        self._mark = handshake.Mark(keys, keyring)
        self._chance = chance or Random()  # noqa: S311 - it only spreads out questions

    async def watch(self) -> None:
        """Take turns until cancelled, through any trouble with the server."""
        while True:
            try:
                wait_s = await self.take_turn()
            except scripts.TROUBLE as error:
                logger.debug("Cannot look at schedules for now: %s", error)
                wait_s = POLL_S
            if wait_s:
                await asyncio.sleep(wait_s)

    async def take_turn(self) -> float:
        """Take one turn if a schedule is due; seconds until the next question."""
        taken = await scripts.run(self._client, schedules.take(self._keys))
        if not taken.name:
            return self._wait_s(taken)
        try:
            return await self._serve(taken)
        except scripts.TROUBLE as error:
            # it is due again when the turn is over
            told = explain(error, "the server")
            logger.warning("Schedule %s waits for another turn: %s", taken.name, told)
            await self._excuse(taken, str(told))
        except Exception:
            logger.exception("Schedule %s could not be served; it is tried again.", taken.name)
        return 0.0

    async def _excuse(self, taken: Taken, why: str) -> None:
        """Say in its record what is in the way, as a queue that takes no more jobs."""
        with contextlib.suppress(*scripts.TROUBLE):
            await scripts.run(self._client, schedules.excuse(self._keys, taken, why))

    async def _serve(self, taken: Taken) -> float:
        """One turn: what is to be run now is submitted, then the schedule goes on. How long to rest after it."""
        try:
            call, standing = await self._call(taken), _readable(taken)
        except TamperedPayload as error:
            if key_id := await handshake.lacked_key(self._client, self._keys, self._keyring, error):
                await self._excuse(taken, f"It waits for a worker with key {key_id}.")
                return REST_S
            await self._refuse(taken, error)
            return 0.0
        done = await self._decided(call, taken, standing)
        ids = [job_id(call.name, at) for at in done.fire]
        last = ""
        if ids:
            with contextlib.suppress(ConfigurationError):
                await self._mark.keep(self._client)
            replies = await call.submit(self._client, self._keys, self._keyring, ids)
            # the answer may be that another job stands for it
            life.enqueued(ids, queue=call.options.queue, function=call.function, by=f"schedule {call.name}")
            last = replies[-1].removeprefix("same ") if replies[-1].startswith("same ") else ids[-1]
        await self._advance(taken, done, look_at=_look_at(done, taken.now), last=last)
        return 0.0

    async def _refuse(self, taken: Taken, error: TamperedPayload) -> None:
        """Take no more turns; where it was only replaced or deleted meanwhile, this turn is over anyway."""
        if await self._advance(taken, Turn(), look_at=None, refused=str(error)):
            logger.warning("Schedule %s is refused: %s", taken.name, error)

    async def _call(self, taken: Taken) -> ScheduledCall:
        await schedules.hold(self._client, self._keys, taken)
        blob = await schedules.call(self._client, self._keys, taken.name, taken.revision)
        if blob is None:
            raise TamperedPayload("What it calls is not in the server any more: schedule it again.")
        place = (self._keyring, self._keys, taken.name, taken.function, blob)
        if len(blob) > LARGE_BYTES:
            return await asyncio.to_thread(ScheduledCall.opened, *place)
        return ScheduledCall.opened(*place)

    async def _decided(self, call: ScheduledCall, taken: Taken, standing: Standing) -> Turn:
        """What this turn does, after it has cancelled the last job where it has to."""
        # in a thread: the last of many missed times of a rare expression take a while to find
        done = await asyncio.to_thread(turn, call.times, standing, taken.now, lives=taken.lives)
        if done.cancel and not await self._cancelled(taken.last):
            return done
        if done.cancel:
            done = await asyncio.to_thread(turn, call.times, standing, taken.now, lives=False)
        return done

    async def _cancelled(self, last: str) -> bool:
        """Ask the last job to stop; whether it has ended."""
        [reply] = await scripts.run(self._client, jobs.cancel(self._keys, [last]))
        return reply != "asked"

    async def _advance(self, taken: Taken, done: Turn, *, look_at: datetime | None, **more: str) -> bool:
        """End the turn; whether it was still ours, and not changed or taken by another engine meanwhile."""
        return await scripts.run(self._client, schedules.advance(self._keys, taken, done, look_at=look_at, **more))

    def _wait_s(self, taken: Taken) -> float:
        """Until the next schedule is due, and no longer than until new ones are looked for."""
        left_s = POLL_S if taken.due is None else (taken.due - taken.now).total_seconds()
        return min(max(left_s, 0.0), POLL_S) + self._chance.uniform(0.002, SPREAD_S)


def _readable(taken: Taken) -> Standing:
    if taken.standing is None:
        raise TamperedPayload("How it stands cannot be read: schedule it again.")
    return taken.standing


def _look_at(done: Turn, now: datetime) -> datetime | None:
    """When the next turn is: at the next time, or sooner where a run waits for the end of another."""
    if not done.waiting:
        return done.next_at
    return now + LOOK if done.next_at is None else min(done.next_at, now + LOOK)
