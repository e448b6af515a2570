"""`Pending`: what every verb returns; already under way, to be awaited or waited for."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from nbqueue.client import hooks, own_frames, waits
from nbqueue.client.answer import Answer
from nbqueue.client.hints import Refused
from nbqueue.client.interrupts import interruptible
from nbqueue.errors import NotSendable
from nbqueue.model import durations
from nbqueue.model.durations import Duration

T_co = TypeVar("T_co", covariant=True)

log = logging.getLogger("nbqueue")


class Waitable(ABC, Generic[T_co]):
    """Something that can be awaited in any event loop, or waited for in any thread."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, T_co]:
        answer = self._answer()
        waited = self._at_rest(answer)
        number = waits.begin(self._what) if self._waits_for_jobs() and _is_main() else 0
        try:
            yield from waited.arrives()
            waited.check(answer)
            for _ in self._steps():
                yield
        except asyncio.CancelledError as stopped:
            _in_one_line(stopped, self._stopped_line())
            if number:
                waits.stop(number)
            own_frames.cut(stopped)
            raise
        finally:
            waits.end(number)
            _rest_no_longer(waited, answer)
        return self._take(answer)

    def wait(self, timeout: Duration | None = None) -> T_co:
        """The answer, for code that cannot await.

        Args:
            timeout: seconds, a timedelta or text such as "5min", to wait at most; None: as long as it takes.

        Raises:
            TimeoutError: it took longer; what was asked for goes on.
            ConfigurationError: the timeout is no length of time.
        """
        at_most_s = None if timeout is None else _patience_s(timeout)
        answer = self._answer()
        waited = self._at_rest(answer)
        try:
            with interruptible():
                here = waited.block(at_most_s)
        except KeyboardInterrupt as stopped:
            _in_one_line(stopped, self._stopped_line())
            raise
        finally:
            _rest_no_longer(waited, answer)
        if not here and at_most_s is not None:
            # without a full stop behind it: it may end with a command
            more = f" {_capital(reason)}" if at_most_s and (reason := self._reason(at_most_s)) else ""
            longer = durations.in_words(at_most_s)
            with own_frames.CUT:
                raise TimeoutError(f"{_capital(self._what())} took longer than {longer}; it goes on.{more}")
        waited.check(answer)
        return self._take(answer)

    @abstractmethod
    def _answer(self) -> Answer[Any]:
        """What is waited for."""

    @abstractmethod
    def _take(self, answer: Answer[Any]) -> T_co:
        """The value of an answer that is here, worked out in the thread that waited."""

    def _steps(self) -> Iterator[None]:
        """What may take long is worked out before `_take`, in steps: others in the loop have their turns between."""
        return iter(())

    @abstractmethod
    def _what(self) -> str:
        """Names what is waited for, at the beginning of a sentence."""

    def _waits_for_jobs(self) -> bool:
        """Whether what is waited for is the end of jobs, and not only an answer of the server."""
        return True

    def _at_rest(self, answer: Answer[Any]) -> Answer[Any]:
        """The answer; in a job one that comes after the job has given its slot back, waited and got one again."""
        line = hooks.line()
        if line is None or line.session is None or answer.is_here or not self._waits_for_jobs():
            return answer
        return Answer(line.session.at_rest(answer.future))

    def _reason(self, patience_s: float) -> str:  # noqa: ARG002 - for those who ask
        """Why it may take so long, where that is known soon; else nothing."""
        return ""

    def _stopped_line(self) -> str:
        return f"nbqueue: stopped waiting; {self._what()} goes on"


class Pending(Waitable[T_co]):
    """The answer of a verb that is already under way: `await` it, or `.wait()` for it in sync code.

    Dropping it stops nothing; a failure that nobody looked at is logged once.
    """

    __slots__ = ("__weakref__", "_fault", "_for_jobs", "_line", "_read", "_seen", "_source", "_words", "_work_out")

    def __init__(
        self,
        future: Future[Any],
        read: Callable[[Any], T_co] | None = None,
        *,
        what: str,
        line: str = "",
        fault: Callable[[Any], BaseException | None] | None = None,
        for_jobs: bool = False,
        steps: Callable[[], Iterator[None]] = lambda: iter(()),
    ) -> None:
        self._source: Answer[Any] = Answer(future)
        self._for_jobs = for_jobs
        self._read = read
        self._words = what
        self._line = line
        self._fault = fault
        self._seen = False
        self._work_out = steps

    def done(self) -> bool:
        """Whether the answer is here."""
        return self._source.is_here

    def _answer(self) -> Answer[Any]:
        return self._source

    def _take(self, answer: Answer[Any]) -> T_co:
        self._seen = True
        found: Any = answer.get()
        return found if self._read is None else self._read(found)

    def _steps(self) -> Iterator[None]:
        return self._work_out()

    def _what(self) -> str:
        return self._words

    def _waits_for_jobs(self) -> bool:
        return self._for_jobs

    def _stopped_line(self) -> str:
        return self._line or super()._stopped_line()

    if not TYPE_CHECKING:
        __len__ = Refused("A Pending has no length: await it, or call .wait(), and take the length of that.")
        # what `iter` asks where there is no `__iter__`, with which this would be an Iterable to others
        __getitem__ = Refused("A Pending cannot be iterated over: await it, or call .wait(), and iterate over that.")

        def __getattr__(self, name: str) -> Any:
            """Refuse what is asked of the answer too early; a checker of types knows that it is not here."""
            hint = "" if name.startswith("_") else ": await it, or call .wait(), to get the job or the answer first"
            raise AttributeError(f"A Pending has no {name!r}{hint}.", name=name, obj=self)

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> NoReturn:
        """The answer may travel, its wait not."""
        raise NotSendable(
            f"{_capital(self._words)} is under way, and cannot be sent: await it, and pass what it gives."
        )

    def __repr__(self) -> str:
        return f"<Pending: {self._words}, {'answered' if self.done() else 'under way'}; await it, or .wait()>"

    def __del__(self) -> None:
        if not getattr(self, "_seen", True) and not sys.is_finalizing():
            self._source.future.add_done_callback(partial(_report_unseen, self._words, self._fault))


def _report_unseen(what: str, fault: Callable[[Any], BaseException | None] | None, future: Future[Any]) -> None:
    if future.cancelled():
        return
    error = future.exception()
    if error is None and fault is not None:
        error = fault(future.result())
    if error is not None:
        log.warning("%s failed, and nobody took the answer: %s: %s", _capital(what), type(error).__name__, error)


def _is_main() -> bool:
    """Whether this is where cells run: what threads beside them wait for is their own affair."""
    return threading.current_thread() is threading.main_thread()


def _patience_s(timeout: object) -> float | None:
    """Seconds to wait at most; None: as long as it takes, which endless seconds are too."""
    return None if isinstance(timeout, float) and timeout == math.inf else durations.seconds(timeout, "timeout")


def _rest_no_longer(waited: Answer[Any], answer: Answer[Any]) -> None:
    """End the rest of a wait that was given up."""
    if waited is not answer:
        waited.future.cancel()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _in_one_line(stopped: BaseException, line: str) -> None:
    """Let a notebook show one line instead of a traceback; the error stays the very one that arrived."""
    stopped._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
