"""The link of code in a job: its worker is asked, over the job's line, to do what takes the key."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

from nbqueue.broker.envelope import Sealed
from nbqueue.client.cut import cut
from nbqueue.client.draft import Draft, Order
from nbqueue.client.inner_ends import InnerEnds
from nbqueue.client.link import Link
from nbqueue.client.sent_pieces import SENDS, lost_again, send_missing
from nbqueue.client.told import error_of, record_of
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import NbqueueError, NotInJob, PayloadTooLarge
from nbqueue.model import plain_json
from nbqueue.model.errands import MOST_JOBS, Line
from nbqueue.model.job import JobRecord
from nbqueue.model.names import check_job_id
from nbqueue.model.states import State

#: bytes of one submit
CHUNK_BYTES = 1_000_000
#: bytes of what the jobs of a submit have in common
FORM_BYTES = 500_000
#: questions under way at once
ASKED = 16


class InnerLink(Link):
    """What a job may do with jobs; it has neither a connection nor a key, and what takes one of them is refused."""

    def __init__(self, line: Line) -> None:
        # nothing of the usual link is made: see __getattr__
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._kept = set()
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[tuple[Any, bytes]]] = {}
        self._room = asyncio.Semaphore(ASKED)
        self._submits = asyncio.Lock()
        self._submitting = 0
        self._resting: asyncio.Future[Any] | None = None
        self._rests = 0
        self._closed = False
        self.instead = self
        self.inner_ends = InnerEnds(self)
        self.ends = self.inner_ends
        line.hear = lambda fields, payload: self.soon(self._hear, fields, payload)

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what a job has not: a wire, channels, the stream of changes."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotInJob(
            f"This cannot be asked for in job {self._line.job_id}: a job may submit jobs, wait for them, look at their "
            "state and info, cancel and retry them. Ask for the rest from the notebook."
        )

    async def wake(self) -> None:
        """The server of a job that runs is there."""

    def now(self) -> datetime:
        """The time of this machine: a job shows nothing."""
        return datetime.now(UTC)

    async def submit(self, drafts: Sequence[Draft]) -> list[str]:
        """Have the worker sign and submit drafts of one order; per draft its state, or "exists"."""
        states: list[str] = []
        self._submitting += 1
        try:
            async with self._submits:
                for chunk in _chunks(drafts, min(CHUNK_BYTES, self._line.limit_bytes)):
                    await self._accepted(chunk, states)
        except NbqueueError as error:
            raise await cut(self, drafts, states, error) from error
        finally:
            self._submitting -= 1
        return states

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of large pieces of calls that are not in the server."""
        found: list[str] = []
        for start in range(0, len(digests), MOST_JOBS):
            found += (await self.ask("missing", {"digests": list(digests[start : start + MOST_JOBS])}))[0]
        return found

    async def send_piece(self, digest: str, data: bytes) -> None:
        """Have the worker send one, under the digest that it finds itself."""
        del digest
        await self.ask("piece", payload=data)

    async def settled(self) -> None:
        """Wait until what was submitted was answered for."""
        while self._submitting:
            async with self._submits:
                pass
            await asyncio.sleep(0)

    async def records(self, job_ids: Sequence[str]) -> list[JobRecord | None]:
        """What is known of each job now."""
        found: list[JobRecord | None] = []
        for start in range(0, len(job_ids), CHUNK_JOBS):
            told = await self._each("records", job_ids[start : start + CHUNK_JOBS])
            found += [record_of(each) if each is not None else None for each in told]
        return found

    async def states(self, job_ids: Sequence[str]) -> list[State | None]:
        """The state of each job now, None where the server knows nothing of it."""
        return [State(each) if each is not None else None for each in await self._each("states", job_ids)]

    async def cancel(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel jobs; per job "unknown", "removed" (it waited), "asked" (it runs) or the final state it had."""
        return await self._each("cancel", job_ids)

    async def withdraw(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel jobs that have not begun; per job as `cancel`, and "running" where it runs and goes on."""
        return await self._each("withdraw", job_ids)

    async def call_of(self, job_id: str, function: str) -> Sealed | None:
        """The call of a job as it was submitted, verified by the worker; None where it is kept no longer."""
        told, payload = await self.ask("call", {"jobs": [check_job_id(job_id)]})
        return Sealed(told, payload) if told is not None and told.get("fn") == function else None

    async def checkpoint_of(self, job_id: str) -> bytes | None:
        """What a job kept last, verified by the worker; None where the server has nothing."""
        is_there, payload = await self.ask("kept", {"jobs": [check_job_id(job_id)]})
        return payload if is_there else None

    @property
    def rests(self) -> bool:
        """Whether the job has given its slot back."""
        return self._rests > 0

    async def at_rest(self, future: Future[Any]) -> None:
        """Wait for an answer while the job's slot is given to others; come back with a slot."""
        if future.done():
            return
        async with self._rest():
            await asyncio.wait([asyncio.wrap_future(_shielded(future))])

    @asynccontextmanager
    async def _rest(self) -> AsyncGenerator[None, None]:
        """Give the slot back with the first of several waits, take one again with the last."""
        if self._resting is None:
            self._resting = asyncio.ensure_future(self.ask("rest", in_turn=False))
        self._rests += 1
        try:
            await asyncio.shield(self._resting)
            yield
        except BaseException:
            self._rests -= 1
            if not self._rests and self._resting is not None:
                # nobody waits for the slot: what is to be done now is to end
                self._resting = None
                self.keep(self._say_back())
            raise
        self._rests -= 1
        if not self._rests:
            self._resting = None
            await self.ask("back", in_turn=False)

    async def _say_back(self) -> None:
        with suppress(NbqueueError):  # the job has ended, and with it its rest
            await self.ask("back", in_turn=False)

    async def _accepted(self, drafts: Sequence[Draft], states: list[str]) -> None:
        """Add the answers to a submit to `states`; what the server lost meanwhile is sent again, with the rest."""
        for _ in range(SENDS):
            await send_missing(self, drafts)
            told = await self._submitted(drafts)
            states += told
            drafts = drafts[len(told) :]
            if not drafts:
                return
        raise lost_again(drafts[0].order)

    async def _submitted(self, drafts: Sequence[Draft]) -> list[str]:
        """The answer to a submit that is sent at once."""
        order = drafts[0].order
        fields = {
            "form": _form(order), "own": order.options.job_id is None,
            "jobs": [
                [draft.job_id, draft.size, list(draft.parents), draft.digest, dict(draft.instead)] for draft in drafts
            ],
        }  # fmt: skip
        found: list[str] = (await self.ask("submit", fields, b"".join(draft.payload for draft in drafts)))[0]
        return found

    async def _each(self, what: str, job_ids: Sequence[str]) -> list[Any]:
        """An answer for each job; ids are checked here, where a wrong one costs an error and not the process."""
        ids = [check_job_id(job_id) for job_id in dict.fromkeys(job_ids)]
        told, _ = await self.ask(what, {"jobs": ids})
        found = dict(zip(ids, told, strict=True))
        return [found[job_id] for job_id in job_ids]

    async def ask(
        self, what: str, fields: Mapping[str, Any] | None = None, payload: bytes = b"", *, in_turn: bool = True
    ) -> tuple[Any, bytes]:
        """The worker's answer; raises the error it tells of. Few questions are under way at once."""
        if not in_turn:
            return await self._ask(what, fields or {}, payload)
        async with self._room:
            return await self._ask(what, fields or {}, payload)

    async def _ask(self, what: str, fields: Mapping[str, Any], payload: bytes) -> tuple[Any, bytes]:
        if self._closed:
            raise self._over()
        number = next(self._numbers)
        answer: asyncio.Future[tuple[Any, bytes]] = self._loop.create_future()
        self._answers[number] = answer
        try:
            self._line.send({"t": "ask", "q": number, "what": what, **fields}, payload)
            return await answer
        finally:
            del self._answers[number]

    async def close(self) -> None:
        """The job has ended: nothing more is answered."""
        self._closed = True
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._over())
                answer.exception()  # whoever waits has it; nobody need

    def _over(self) -> NbqueueError:
        return NotInJob(f"Job {self._line.job_id} has ended: what its code asks for now is done by nobody.")

    def _hear(self, fields: Mapping[str, Any], payload: bytes) -> None:
        """What the worker says, on this link's loop."""
        if fields["t"] == "ended":
            self.inner_ends.ended(fields["jobs"])
            return
        answer = self._answers.get(fields["q"])
        if answer is None or answer.done():
            return
        if "error" in fields:
            answer.set_exception(error_of(fields["error"]))
        else:
            said = fields["body"]
            answer.set_result((json.loads(payload[:said]), payload[said:]))


def _form(order: Order) -> dict[str, Any]:
    """What drafts have in common, as the worker takes it."""
    form = order.form().to_wire() | ({"trace": order.trace} if order.trace else {})
    size = len(plain_json.encode(form))
    if size > FORM_BYTES:
        raise PayloadTooLarge(
            f"Tags and other options of a job take {size:,} bytes, and {FORM_BYTES:,} are allowed: give fewer.",
            size_bytes=size, limit_bytes=FORM_BYTES,
        )  # fmt: skip
    return form


def _chunks(drafts: Sequence[Draft], most_bytes: int) -> list[list[Draft]]:
    """Drafts in parts that are sent at once: each has one job or is small."""
    chunks: list[list[Draft]] = []
    size = most_bytes
    for draft in drafts:
        size += draft.size
        if size > most_bytes or len(chunks[-1]) == CHUNK_JOBS:
            chunks.append([])
            size = draft.size
        chunks[-1].append(draft)
    return chunks


def _shielded(future: Future[Any]) -> Future[Any]:
    """A future that is done with another one; cancelling it leaves that alone."""
    copy: Future[Any] = Future()

    def tell(_: object) -> None:
        if not copy.cancelled() and copy.set_running_or_notify_cancel():
            copy.set_result(None)

    future.add_done_callback(tell)
    return copy
