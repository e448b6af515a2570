"""The Sentinels of one primary: asked together where it is, with nobody kept waiting for one that is silent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import exceptions as redis_errors
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from nbqueue.broker.outage import NotWatched
from nbqueue.broker.packing import Packed, TcpConnection, TlsConnection

#: how long one of them may take for an answer
ANSWER_S = 1.0
#: and how long once most of them agree
GRACE_S = 0.1
#: how long most of them must name an earlier epoch to be believed: some hear of a fail-over a moment later than others
SETTLED_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What one of them knows of the primary."""

    #: its host and port
    place: tuple[str, int]
    #: the number of the fail-over that made it the primary
    epoch: int
    #: how it does, as that one sees it
    flags: str = field(compare=False)

    @property
    def is_down(self) -> bool:
        """Whether that one cannot reach it."""
        return "down" in self.flags

    @property
    def rank(self) -> tuple[int, bool, bool]:
        """The greater, the truer: who leads a fail-over names the old place until its end."""
        return (self.epoch, not self.is_down, "failover_in_progress" not in self.flags)


Answer = State | redis_errors.RedisError


class Sentinel:
    """One of them; it is asked one question at a time."""

    def __init__(self, connection: Packed, name: str) -> None:
        self.place = f"{connection.host}:{connection.port}"
        #: whether it left its last question open
        self.keeps_silent = False
        self._connection = connection
        self._name = name
        self._question: asyncio.Task[Answer] | None = None

    def ask(self) -> asyncio.Task[Answer]:
        """The question that is still open, or a new one."""
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._answer())
        return self._question

    async def close(self) -> None:
        """End the question and the connection."""
        if self._question is not None:
            await _end(self._question)
        await self._connection.disconnect(nowait=True)

    async def _answer(self) -> Answer:
        """What it knows."""
        try:
            async with asyncio.timeout(ANSWER_S):
                [reply] = await self._connection.exchange([("SENTINEL", "MASTER", self._name)])
        except (TimeoutError, redis_errors.TimeoutError):
            reply = redis_errors.TimeoutError(f"{self.place} gave no answer in time")
        except redis_errors.RedisError as error:
            reply = error
        self.keeps_silent = isinstance(reply, redis_errors.TimeoutError)
        if isinstance(reply, redis_errors.RedisError):
            return reply
        fields = dict(zip((each.decode() for each in reply[::2]), (each.decode() for each in reply[1::2]), strict=True))
        place = (fields["ip"], int(fields["port"]))
        return State(place=place, epoch=int(fields["config-epoch"]), flags=fields["flags"])


class Sentinels:
    """The Sentinels of one primary; the one that has seen the latest fail-over is believed."""

    def __init__(self, places: Iterable[tuple[str, int]], name: str, options: dict[str, Any]) -> None:
        kind = TlsConnection if options.pop("tls") else TcpConnection
        options = {**options, "retry": Retry(NoBackoff(), 0)}
        self._name = name
        self._all = [Sentinel(kind(host=host, port=port, **options), name) for host, port in places]
        self.count = len(self._all)
        self._looking: asyncio.Task[list[Answer]] | None = None
        self._epoch = -1
        self._earlier_since: float | None = None

    async def primary(self) -> tuple[str, int]:
        """Host and port. Raises redis' ConnectionError where none of them knows one that is up."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        looking = self._looking
        await asyncio.wait({looking})  # others wait for the same look: a cancel of this one does not end it
        if looking.cancelled():
            raise redis_errors.ConnectionError("the connections to the Sentinels were closed")
        return self._judged(looking.result())

    async def silent(self) -> list[str]:
        """The places of those that do not say now where the primary is."""
        asked = {each.ask(): each.place for each in self._all}
        await asyncio.wait(asked)
        return [place for question, place in asked.items() if not isinstance(_told(question), State)]

    async def close(self) -> None:
        """Close the connections to them."""
        if self._looking is not None:
            await _end(self._looking)
        for each in self._all:
            await each.close()

    async def _look(self) -> list[Answer]:
        """What they answer. Once most of them agree, the others are given a moment, and those that kept silent none."""
        asked = {each.ask(): each for each in self._all}
        while not self._agreed(asked) and (left := _waited_for(asked)):
            await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        agreed = bool(self._agreed(asked))
        late = [question for question in _open(asked) if not (agreed and asked[question].keeps_silent)]
        if late:
            await asyncio.wait(late, timeout=GRACE_S)
        for question in _open(asked):
            asked[question].keeps_silent = True
        return [_told(question) for question in asked]

    def _agreed(self, asked: Iterable[asyncio.Task[Answer]]) -> list[State]:
        """The answers of the majority that says the same, if there is one."""
        return self._majority(_states(_told(each) for each in asked))

    def _majority(self, states: Collection[State]) -> list[State]:
        """Those that name one place and epoch, if they are most of all."""
        for state, times in Counter(states).most_common(1):
            if 2 * times > self.count:
                return [each for each in states if each == state]
        return []

    def _judged(self, answers: Sequence[Answer]) -> tuple[str, int]:
        """Where the primary is, by all that was answered."""
        states = _states(answers)
        believed = self._believed(states)
        if not believed:
            self._check(answers)
            raise redis_errors.ConnectionError(self._why(answers))
        latest = max(believed, key=lambda state: state.rank)
        if latest.is_down:
            raise redis_errors.ConnectionError(f'the Sentinels say that "{self._name}" is down, and name no other yet')
        self._epoch = latest.epoch
        return latest.place

    def _believed(self, states: Collection[State]) -> list[State]:
        """Those that know of the latest fail-over that was seen; or most of all, that were set up anew since."""
        latest = [each for each in states if each.epoch >= self._epoch]
        earlier = [] if latest else self._majority(states)
        if not earlier:
            self._earlier_since = None
            return latest
        now = asyncio.get_running_loop().time()
        if self._earlier_since is None:
            self._earlier_since = now
        return earlier if now - self._earlier_since >= SETTLED_S else []

    def _check(self, answers: Sequence[Answer]) -> None:
        """Raise NotWatched where most of them never knew the primary: the URL is wrong."""
        said = [str(each) for each in answers if isinstance(each, redis_errors.ResponseError)]
        if self._epoch >= 0 or 2 * len(said) <= len(answers):
            return
        if any("unknown command" in each for each in said):
            raise NotWatched(
                "it is no Sentinel, but a server itself: write redis:// (rediss://) in NBQUEUE_URL, or name the "
                "Sentinels and their port, mostly 26379"
            )
        if any("No such master" in each for each in said):
            raise NotWatched(
                f'the Sentinels know no "{self._name}": name the primary in NBQUEUE_URL as their `sentinel monitor` '
                "does, redis+sentinel://host:26379/name/0"
            )

    def _why(self, answers: Sequence[Answer]) -> str:
        """Why none of them is believed. Raises where one does not let us in."""
        states = _states(answers)
        if states:
            named = ", ".join(sorted({f"{host}:{port}" for host, port in (each.place for each in states)}))
            return (
                f"{len(states)} of {self.count} Sentinels name {named}, and know nothing of the last fail-over: they "
                f"are believed when most of them agree for {SETTLED_S:g} s"
            )
        errors = [each for each in answers if isinstance(each, redis_errors.RedisError)]
        for error in errors:
            if isinstance(error, redis_errors.AuthenticationError | redis_errors.NoPermissionError):
                raise error
            if isinstance(error, redis_errors.ResponseError):
                return f'the Sentinels know no "{self._name}": {error}'
        return f"none of {self.count} Sentinels answered: {errors[0]}"


def _waited_for(asked: dict[asyncio.Task[Answer], Sentinel]) -> list[asyncio.Task[Answer]]:
    """Open questions to those that answered before; to all, where nobody has told a place."""
    left = _open(asked)
    prompt = [question for question in left if not asked[question].keeps_silent]
    return prompt or ([] if _states(map(_told, asked)) else left)


def _open(asked: Iterable[asyncio.Task[Answer]]) -> list[asyncio.Task[Answer]]:
    return [question for question in asked if not question.done()]


def _states(answers: Iterable[Answer]) -> list[State]:
    return [each for each in answers if isinstance(each, State)]


def _told(question: asyncio.Task[Answer]) -> Answer:
    """What was answered until now."""
    if not question.done() or question.cancelled():
        return redis_errors.TimeoutError("no answer in time")
    return question.result()


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})
