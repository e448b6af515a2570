"""A registered coroutine function that runs in the engine's own loop."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.parcels import LARGE_BYTES
from nbqueue.broker.raised import dump_error
from nbqueue.children import calls
from nbqueue.children.awake import AwakeTimer
from nbqueue.children.line import SETTLE_S
from nbqueue.errors import UnknownFunction
from nbqueue.inside import tracing
from nbqueue.inside.context import CURRENT, JobContext, JobInfo
from nbqueue.inside.reports import Ticker
from nbqueue.model import task as tasks
from nbqueue.model.backoff import Answer, at_hand_there
from nbqueue.model.errands import Line
from nbqueue.model.near_names import near
from nbqueue.model.outcome import End, Raised, Returned, StopReason
from nbqueue.worker.attempt import Attempt
from nbqueue.worker.desks import Desks
from nbqueue.worker.verdict import Ended
from nbqueue.worker.watchman import TASK_PREFIX

#: how long after a stop code that swallows its cancellation is waited for
GIVE_UP_S = 2.0
ASK_AGAIN_S = 0.25
#: characters of an unknown name that are said
SHOWN = 60


class _Exit(Exception):
    """Carries a job's SystemExit out of its task, where that itself would end the loop and all that runs in it."""


class LoopRun:
    """One run: a task, its time limit and its way of being stopped. It is the sink of its own context."""

    __slots__ = (
        "_answer", "_context", "_desks", "_job_id", "_limit_bytes", "_listener", "_on_end", "_on_stuck", "_over_limit",
        "_partial", "_stopped_by", "_stopping", "_task", "_timers", "attempt",
    )  # fmt: skip

    def __init__(
        self, attempt: Attempt, listener: Any, on_end: Callable[[LoopRun, Ended], None],
        on_stuck: Callable[[LoopRun], None], *, limit_bytes: int,
        desks: Desks | None = None,
    ) -> None:  # fmt: skip
        self.attempt, self._listener, self._desks = attempt, listener, desks
        self._limit_bytes = limit_bytes
        self._job_id = attempt.claim.job_id
        self._on_end, self._on_stuck = on_end, on_stuck
        self._stopped_by: StopReason | None = None
        self._over_limit = False
        #: what its code has ready to be handed back
        self._partial: Returned | None = None
        #: whether it is being cancelled; before, the code was at most asked
        self._stopping = False
        self._timers: list[asyncio.TimerHandle | AwakeTimer] = []
        self._context: JobContext | None = None
        self._task: asyncio.Task[Any] | None = None
        self._answer = Answer()

    def start(self, function: Callable[..., Any], ticker: Ticker, checkpoint: bytes | None) -> None:
        """Begin; what goes wrong with the arguments ends the run like an error of the function."""
        attempt, loop = self.attempt, asyncio.get_running_loop()
        options = attempt.options
        self._context = JobContext(
            self._info, self, ticker, checkpoint=checkpoint,
            dump=codec.dump_plain_value if attempt.plain else codec.dump_value,
            load=codec.load_plain_value if attempt.plain else codec.load_value,
            open_line=self._line if self._desks is not None else None,
        )  # fmt: skip
        context = contextvars.copy_context()
        context.run(CURRENT.set, self._context)
        if attempt.trace:
            context.run(tracing.enter, attempt.trace)
        self._context.begin(options.timeout)
        if options.timeout is not None:
            self._timers = [
                AwakeTimer(loop, options.timeout - options.grace_before_limit_s, self._ask_in_time),
                AwakeTimer(loop, options.timeout, self._pass_limit),
            ]
        self._task = loop.create_task(self._call(function), context=context, name=TASK_PREFIX + self._job_id)
        self._task.add_done_callback(self._done)

    def stop(self, reason: StopReason) -> None:
        """Ask and cancel, again until it ends. Of several reasons the first counts, but a cancel before all others."""
        if self._task is None or self._task.done():
            return
        if not self._stopping or reason == "cancel":
            self._ask(reason)
        if not self._stopping:
            self._stopping = True
            self._timers.append(asyncio.get_running_loop().call_later(GIVE_UP_S, self._give_up))
            self._cancel_again()

    def progress(self, wire: dict[str, Any]) -> None:
        """Pass progress on."""
        self._listener.progress(self._job_id, wire)

    def log(self, text: str) -> None:
        """Pass log text on."""
        self._listener.log(self._job_id, text)

    def checkpoint(self, data: bytes) -> None:
        """Pass a checkpoint on; what is too large raises here."""
        calls.check_size(data, "checkpoint", self._limit_bytes)
        self._listener.checkpoint(self._job_id, data)

    def partial(self, value: Any) -> None:
        """Have a value ready; what cannot be encoded, or is too large, raises here."""
        ready = self._encoded(value)
        calls.check_size(ready.payload, "result", self._limit_bytes)
        self._partial = ready

    def _line(self, context: JobContext) -> Line:
        assert self._desks is not None  # noqa: S101 - only then a line is opened
        return self._desks.line(self.attempt, context)

    def _info(self) -> JobInfo:
        attempt, claim = self.attempt, self.attempt.claim
        return JobInfo(
            id=claim.job_id, attempt=attempt.number, function=attempt.function, queue=claim.queue,
            label=attempt.label, group=claim.group, timeout_s=attempt.options.timeout,
        )  # fmt: skip

    async def _call(self, function: Callable[..., Any]) -> Any:
        attempt = self.attempt
        try:
            if attempt.header["codec"] == "json":
                call = json.loads(attempt.payload)
                args, kwargs = call["args"], call["kwargs"]
            else:
                args, kwargs = await self._arguments()
            return await function(*args, **kwargs)
        except (SystemExit, KeyboardInterrupt) as error:
            self._ask_policy(error)
            raise _Exit from error
        except BaseException as error:
            self._ask_policy(error)
            raise
        finally:
            if self._context is not None and self._context.session is not None:
                await self._settle(self._context.session)

    async def _settle(self, session: Any) -> None:
        """Wait until what it submitted was answered for, so that its end does not overtake it."""
        await asyncio.wait([asyncio.wrap_future(session.settled())], timeout=SETTLE_S)

    def _ask_policy(self, error: BaseException) -> None:
        """Let a policy's own function say how long to wait; after a stop, the stop says what comes next."""
        policy = self.attempt.options.retry
        own = policy.backoff
        if self._stopped_by is None and not isinstance(own, str) and own is not at_hand_there:
            self._answer = policy.ask(own, self.attempt.claim.tries + 1, error)

    async def _arguments(self) -> tuple[Any, Any]:
        """What it is called with; large results of other jobs are rebuilt in a thread, so that others go on."""
        attempt = self.attempt
        inputs, attempt.inputs = attempt.inputs, {}
        load = partial(codec.load_call, attempt.payload, plain=attempt.plain, inputs=inputs)
        large = inputs and sum(len(each.payload) for each in inputs.values()) > LARGE_BYTES
        _, args, kwargs = await asyncio.to_thread(load) if large else load()
        return args, kwargs

    def _ask(self, reason: StopReason) -> None:
        self._stopped_by = reason
        if self._context is not None:
            self._context.stop.ask(reason)()

    def _ask_in_time(self) -> None:
        """The limit is near: code that is not being stopped may end in its own way."""
        if not self._stopping:
            self._ask("timeout")

    def _pass_limit(self) -> None:
        self._over_limit = True
        self.stop("timeout")

    def _cancel_again(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._timers.append(asyncio.get_running_loop().call_later(ASK_AGAIN_S, self._cancel_again))

    def _give_up(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.remove_done_callback(self._done)
            self._finish(Raised(dump_error(TimeoutError("it did not stop when asked to"))))
            self._on_stuck(self)

    def _done(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self._finish(Raised(dump_error(asyncio.CancelledError("cancelled"))))
            return
        error = task.exception()
        if error is not None:
            info = dump_error(error.__cause__ if isinstance(error, _Exit) and error.__cause__ else error)
            self._finish(Raised(replace(info, backoff_s=self._answer.wait_s, final=self._answer.final)))
            return
        self._finish(self._value(task.result()))

    def _value(self, value: Any) -> End:
        try:
            return self._encoded(value)
        except Exception as error:  # noqa: BLE001 - encoding runs code of others, and its failure is the job's
            return Raised(dump_error(error))

    def _encoded(self, value: Any) -> Returned:
        by = self.attempt.header["codec"]
        return Returned(calls.encoded(value, by), by)

    def _finish(self, end: End) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._context is not None:
            self._context.close()
        ended = Ended(end, self._stopped_by, self._over_limit, partial=self._partial)
        # they know this run: without them it goes, with its arguments, as soon as it is told of
        self._timers, self._context, self._task = [], None, None
        self._on_end(self, ended)


def unknown(name: str) -> UnknownFunction:
    """What is said of a name that nothing is registered under, with those that may have been meant."""
    found = near(name, tasks.registered())
    meant = f"submit {' or '.join(map(_shown, found))}, which it has, or " if found else ""
    return UnknownFunction(
        f"No function {_shown(name)} is registered on this worker: {meant}start it with the module that has it, "
        "as in `nbqueue worker MODULE`, or submit the function itself."
    )


def _shown(name: str) -> str:
    text = ascii(name)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
