"""What jobs ask of their engine: to submit, look up, wait for and cancel jobs. The engine holds the key, they do not.

A question comes from a process that runs code of others, so every field of it is checked; what does not keep to the
rules raises ValueError (or TypeError, KeyError), and that process is killed for it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Protocol

from nbqueue.errors import NbqueueError, NotInJob
from nbqueue.inside import tracing
from nbqueue.model.errands import MOST_JOBS, Clerk, Due, Form, Item, Parent
from nbqueue.worker import life, questions
from nbqueue.worker.attempt import Attempt

logger = logging.getLogger("nbqueue.worker")

Reply = Callable[[dict[str, Any], bytes], None]

#: questions of one job under way at once; its own side asks fewer
MOST_ASKED = 64
#: jobs that one job follows at once, and that are remembered for it to be cancelled with it
MOST_FOLLOWED = MOST_REMEMBERED = 200_000


class Slot(Protocol):
    """The slot of one run, that it can give back and take again."""

    def rest(self) -> bool:
        """Give it to others; False where too many have done so."""
        ...

    def back(self) -> Awaitable[None]:
        """Have one again."""
        ...


class Desk:
    """Takes the questions of one run, and answers them."""

    def __init__(
        self, attempt: Attempt, clerk: Callable[[], Awaitable[Clerk]], slot: Slot, *, reply: Reply,
        written: Callable[[], Awaitable[None]], limit_bytes: int,
    ) -> None:  # fmt: skip
        self._job_id = attempt.claim.job_id
        about = {name: str(attempt.header.get(name, "")) for name in ("user", "folder", "notebook")}
        self._parent, self._trace = Parent(job_id=self._job_id, **about), attempt.trace
        self._clerk, self._slot, self._reply, self._written = clerk, slot, reply, written
        self._limit_bytes = limit_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: set[int] = set()
        self._submitting = self._cancelled = self._closed = False
        #: large answers go out one at a time, when what was answered before is written
        self._large = asyncio.Lock()
        self._submitted: list[str] = []
        self._followed: dict[str, int] = {}
        self._follows: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._ended: list[Due] = []
        self._priority: int | None = None

    def take(self, header: Mapping[str, Any], payload: bytes) -> None:
        """Check a question and put it under way; raises where it is none."""
        number, what = questions.number_and_kind(header, payload)
        if number in self._asked or len(self._asked) >= MOST_ASKED or (what in questions.LARGE and self._submitting):
            raise ValueError("it asks more at once than it may")
        doing = self._question(what, header, payload)
        self._asked.add(number)
        self._aside(self._answer(number, what, doing))

    def cancel(self) -> None:
        """A person has cancelled the job: what it submitted is cancelled too."""
        if not self._cancelled:
            self._cancelled = True
            self._aside(self._cancel(list(self._submitted)))

    def close(self) -> None:
        """The run has ended. What it submitted goes on, and so does a submit that is under way."""
        self._closed = True
        for stop in self._follows.values():
            stop()
        self._follows.clear()

    def _question(self, what: str, header: Mapping[str, Any], payload: bytes) -> Coroutine[Any, Any, tuple[Any, bytes]]:
        """What answers it; everything in it is checked here, before anything is done."""
        if what == "submit":
            found = questions.submit(header, payload, self._limit_bytes)
            self._submitting = True
            return self._submit(*found)
        if what == "piece":
            self._submitting = True
            return self._piece(payload)
        if what == "missing":
            return self._missing(questions.digests(header["digests"]))
        if what == "ends":
            return self._ends(questions.due(header["due"]))
        if what in ("rest", "back"):
            return self._rest() if what == "rest" else self._back()
        ids = questions.ids(header["jobs"])
        doing: dict[str, Callable[[list[str]], Coroutine[Any, Any, tuple[Any, bytes]]]] = {
            "records": self._records, "states": self._states, "cancel": self._cancel_asked,
            "withdraw": self._withdraw, "call": self._call, "kept": self._kept, "follow": self._follow,
            "leave": self._leave,
        }  # fmt: skip
        return doing[what](ids)

    async def _answer(self, number: int, what: str, doing: Coroutine[Any, Any, tuple[Any, bytes]]) -> None:
        """Do what was asked, and say what came of it."""
        try:
            if what in ("ends", "call", "kept", "records"):
                async with self._large:
                    await self._written()
                    said, payload = await doing
            else:
                said, payload = await doing
            body = json.dumps(said).encode()
            about: dict[str, Any] = {"body": len(body)}
            payload = body + payload
        except NbqueueError as error:
            about, payload = {"error": {"type": type(error).__name__, "message": str(error)}}, b""
        except Exception as error:  # whatever goes wrong here is told to the job, and ends nothing else
            logger.exception("What job %s asked for could not be done.", self._job_id)
            told = f"The worker could not do what was asked for: {type(error).__name__}: {error}"
            about, payload = {"error": {"type": "NbqueueError", "message": told}}, b""
        finally:
            self._asked.discard(number)
            if what in questions.LARGE:
                self._submitting = False
        self._say({"t": "answer", "q": number, **about}, payload)

    async def _submit(self, form: Form, items: list[Item], own: bool) -> tuple[Any, bytes]:  # noqa: FBT001 - one of three
        form = form.after(await self._own_priority()) if form.options.priority == 0 else form
        form = replace(form, trace=tracing.known(form.trace) or self._trace)
        states = await (await self._clerk()).submit(form, self._parent, items)
        answers = zip(items, states, strict=False)  # pieces of the next may be missing
        # what stands for another job was asked for by somebody else
        mine = [item.job_id for item, state in answers if not state.startswith("same") and (own or state != "exists")]
        life.enqueued(mine, queue=form.options.queue, function=form.function, by=f"job {self._job_id}",
                      group=form.group, trace=form.trace)  # fmt: skip
        self._submitted += mine[: max(MOST_REMEMBERED - len(self._submitted), 0)]
        if self._cancelled:
            await self._cancel(mine)
        return states, b""

    async def _missing(self, digests: list[str]) -> tuple[Any, bytes]:
        return await (await self._clerk()).missing(digests), b""

    async def _piece(self, data: bytes) -> tuple[Any, bytes]:
        await (await self._clerk()).send_piece(data)
        return None, b""

    async def _own_priority(self) -> int:
        """The priority of the job that asks, looked up once."""
        if self._priority is None:
            [record] = await (await self._clerk()).records([self._job_id])
            self._priority = int(record["priority"]) if record is not None else 0
        return self._priority

    async def _records(self, ids: list[str]) -> tuple[Any, bytes]:
        return await (await self._clerk()).records(ids), b""

    async def _states(self, ids: list[str]) -> tuple[Any, bytes]:
        return await (await self._clerk()).states(ids), b""

    async def _cancel_asked(self, ids: list[str]) -> tuple[Any, bytes]:
        return await (await self._clerk()).cancel(ids), b""

    async def _withdraw(self, ids: list[str]) -> tuple[Any, bytes]:
        return await (await self._clerk()).withdraw(ids), b""

    async def _call(self, ids: list[str]) -> tuple[Any, bytes]:
        return await (await self._clerk()).call_of(ids[0]) or (None, b"")

    async def _kept(self, ids: list[str]) -> tuple[Any, bytes]:
        found = await (await self._clerk()).checkpoint_of(ids[0])
        return found is not None, found or b""

    async def _ends(self, due: list[Due]) -> tuple[Any, bytes]:
        ends, payloads = await (await self._clerk()).ends(due)
        return {"ends": ends, "sizes": list(map(len, payloads))}, b"".join(payloads)

    async def _follow(self, ids: list[str]) -> tuple[Any, bytes]:
        if len(self._followed) + len(ids) > MOST_FOLLOWED:
            raise NotInJob(f"Job {self._job_id} cannot wait for more than {MOST_FOLLOWED:,} jobs at once.")
        clerk = await self._clerk()
        new = [job_id for job_id in ids if job_id not in self._followed]
        if new and not self._closed:
            number = next(self._numbers)
            self._followed.update(dict.fromkeys(new, number))
            self._follows[number] = clerk.follow(new, self._hear_of_end)
        return None, b""

    async def _leave(self, ids: list[str]) -> tuple[Any, bytes]:
        for job_id in ids:
            self._followed.pop(job_id, None)
        left = set(self._followed.values())
        for number in [number for number in self._follows if number not in left]:
            self._follows.pop(number)()
        return None, b""

    async def _rest(self) -> tuple[Any, bytes]:
        if not self._slot.rest():
            raise NotInJob(
                f"Job {self._job_id} cannot wait for jobs here: so many jobs of this worker wait for jobs of their own "
                "that it starts no more. Submit in fewer levels, or start more workers."
            )
        return None, b""

    async def _back(self) -> tuple[Any, bytes]:
        await self._slot.back()
        return None, b""

    def _hear_of_end(self, job_id: str, fence: int) -> None:
        """Tell of ends together that come in one round of the loop."""
        if self._followed.pop(job_id, None) is None:
            return
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._tell_ends)
        self._ended.append((job_id, fence))

    def _tell_ends(self) -> None:
        ended, self._ended = self._ended, []
        for start in range(0, len(ended), MOST_JOBS):
            self._say({"t": "ended", "jobs": ended[start : start + MOST_JOBS]}, b"")

    async def _cancel(self, ids: list[str]) -> None:
        try:
            for start in range(0, len(ids), MOST_JOBS):
                await (await self._clerk()).cancel(ids[start : start + MOST_JOBS])
        except NbqueueError as error:
            logger.warning("The jobs that job %s submitted are not cancelled with it: %s", self._job_id, error)

    def _say(self, header: dict[str, Any], payload: bytes) -> None:
        if not self._closed:
            self._reply(header, payload)

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
