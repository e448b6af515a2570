"""One call for an item until it gives something: its turn, its tries, and refusals that hold everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from time import monotonic
from typing import Any, NamedTuple

from nbqueue.evaluators.item_calls import called
from nbqueue.evaluators.pacing import Pace
from nbqueue.evaluators.plan import Plan
from nbqueue.evaluators.refusals import asked_wait_s
from nbqueue.model.retry import MAX_ASKED_TRIES, RetryPolicy

_ERROR_CHARACTERS = 500
#: between two tries of what was begun when all ends
_MOMENT_S = 0.05


class Found(NamedTuple):
    """What came of a call."""

    #: how often it was made, less the calls that were told to come later
    attempts: int
    #: seconds of the last one
    seconds: float
    #: what it gave
    value: Any = None
    #: "Type: message"; empty: none
    error: str = ""


class Tries:
    """Makes the calls of one evaluation, until it ends."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pace = Pace(plan.limit)
        self._gate = asyncio.Lock()
        self._chance = Random()  # noqa: S311 - spreads waits, keeps no secret
        #: set when no further call is to begin
        self.ending = asyncio.Event()

    async def call(self, fn: Callable[..., Any], *args: Any, counted: bool) -> Found | None:
        """What a function gives, tried again as the plan says; None where all ends before.

        Args:
            fn: the function, sync or async.
            args: what it is called with.
            counted: whether the calls count for the rate.
        """
        tries = refusals = 0
        while await self._turn(counted=counted):
            began = monotonic()
            try:
                value = await called(fn, *args, timeout_s=self._plan.item_timeout_s)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - of the user's function; the row's
                _raise_own(error)
                hold_s = asked_wait_s(error, refusals)
                if hold_s is not None and refusals < MAX_ASKED_TRIES:
                    refusals += 1
                    self._pace.hold(monotonic() + hold_s)
                    continue
                tries += 1
                wait_s = _wait_s(self._plan.retry, tries, error, self._chance)
                if wait_s is None:
                    return Found(tries, monotonic() - began, error=in_words(error))
                await self._rest(wait_s)
            else:
                return Found(tries + 1, monotonic() - began, value)
        return None

    async def _turn(self, *, counted: bool) -> bool:
        """Wait until one may begin; whether it still may. What is not counted is for something that was begun."""
        if not counted:
            await self._until_free(counted=False)
            return True
        async with self._gate:
            await self._until_free(counted=True)
            if self.ending.is_set():
                return False
            self._pace.start(monotonic())
            return True

    async def _until_free(self, *, counted: bool) -> None:
        while not self.ending.is_set() and (wait_s := self._pace.wait_s(monotonic(), counted=counted)):
            await self._rest(wait_s)

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until all ends; then others have a moment."""
        try:
            await asyncio.wait_for(self.ending.wait(), seconds)
        except TimeoutError:
            return
        await asyncio.sleep(_MOMENT_S)


def _raise_own(error: BaseException) -> None:
    """Raise a cancellation of this very task again; one that the function made up is an error like any other."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error


def _wait_s(policy: RetryPolicy, tries: int, error: BaseException, chance: Random) -> float | None:
    """Seconds before the next try; None: there is none."""
    if not policy.retries(tries, tuple(each.__name__ for each in type(error).__mro__)):
        return None
    if callable(policy.backoff):
        return policy.ask(policy.backoff, tries, error).wait_s
    return policy.wait_s(tries, chance)


def in_words(error: BaseException) -> str:
    """An error as rows have it."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - a broken __str__ of the user's
        text = "its text cannot be had"
    return f"{type(error).__name__}: {text}"[:_ERROR_CHARACTERS]
