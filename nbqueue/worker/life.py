"""What is told of the jobs that an engine runs, besides what is recorded: lines of the log, and spans."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nbqueue.broker.claims import Finish
from nbqueue.inside import tracing
from nbqueue.model.states import State
from nbqueue.model.told import JobFacts
from nbqueue.worker import spans
from nbqueue.worker.attempt import Attempt

logger = logging.getLogger("nbqueue.worker.jobs")

#: jobs a second whose steps are logged one by one, where nothing else is asked for
LINES_A_SECOND = 100
#: characters of an error that stand in the log
ERROR_CHARS = 300

_VERBS = {
    State.SUCCEEDED: "finished in", State.FAILED: "failed in", State.CANCELLED: "was cancelled after",
    State.TIMED_OUT: "passed its time limit after", State.CRASHED: "crashed after",
}  # fmt: skip


class Allowance:
    """So many a second, and no more."""

    def __init__(self, a_second: int) -> None:
        self._a_second, self._left, self._till = a_second, 0, 0.0

    def take(self, now: float) -> bool:
        """Whether there is one left; `now`: on the monotonic clock."""
        if now >= self._till:
            self._left, self._till = self._a_second, now + 1.0
        self._left -= 1
        return self._left >= 0


class Life:
    """Follows the attempts under way. Of very many the log has some and the number of the others: lines cost more.

    Args:
        a_second: jobs whose steps have lines of their own, and besides of those that do not succeed their ends.
    """

    def __init__(self, a_second: int = LINES_A_SECOND) -> None:
        self._begun: dict[str, _Begun] = {}
        self._started, self._troubles = Allowance(a_second), Allowance(a_second)
        self._is_wanted = a_second > 0 and logger.isEnabledFor(logging.INFO)
        #: since the last line that told of them: jobs that ended without a line, and those that did not succeed
        self._untold = self._untold_troubles = 0

    def begin(self, attempt: Attempt) -> None:
        """An attempt starts; from now on it has its own trace, or goes on with that of its submit."""
        span = None if tracing.library() is None else spans.begin(attempt)
        if span is not None:
            attempt.trace = tracing.text_of(span)
        elif "trace" in attempt.header:
            attempt.trace = tracing.known(attempt.header["trace"])
        if not self._is_wanted and span is None:
            return
        now = time.monotonic()
        begun = _Begun(attempt, now, span, self._is_wanted and self._started.take(now))
        self._begun[attempt.claim.job_id] = begun
        if begun.is_told:
            which = f", attempt {attempt.number}" if attempt.number > 1 else ""
            logger.info("Job %s (%s) started after %.2f s%s.", attempt.claim.job_id, attempt.label, begun.wait_s, which,
                        extra=begun.facts.extra())  # fmt: skip

    def end(self, finish: Finish) -> None:
        """An attempt has ended, and this is going to be recorded."""
        begun = self._begun.pop(finish.job_id, None)
        if begun is None:
            return
        if begun.span is not None:
            spans.end(begun.span, finish)
        if not self._is_wanted:
            return
        now = time.monotonic()
        if begun.is_told or (finish.state is not State.SUCCEEDED and self._troubles.take(now)):
            said, level = _said(finish, now - begun.at)
            facts = _ended(begun, finish, now - begun.at)
            logger.log(level, "Job %s (%s) %s.", finish.job_id, begun.attempt.label, said, extra=facts.extra())
        else:
            self._leave_out(finish)

    def _leave_out(self, finish: Finish) -> None:
        if not self._untold:
            asyncio.get_running_loop().call_later(1.0, self._sum_up)
        self._untold += 1
        self._untold_troubles += finish.state is not State.SUCCEEDED

    def _sum_up(self) -> None:
        logger.info("%d more jobs ended within a second, %d of them without success.",
                    self._untold, self._untold_troubles)  # fmt: skip
        self._untold = self._untold_troubles = 0


class _Begun(NamedTuple):
    attempt: Attempt
    #: on the monotonic clock
    at: float
    span: Any
    #: whether the log follows it
    is_told: bool

    @property
    def wait_s(self) -> float:
        claim = self.attempt.claim
        return max(claim.started_ms - claim.due_ms, 0) / 1000

    @property
    def facts(self) -> JobFacts:
        """What is known at its start."""
        attempt, claim = self.attempt, self.attempt.claim
        label = "" if attempt.label == attempt.function else attempt.label
        return JobFacts(
            event="started", job=claim.job_id, queue=claim.queue, function=attempt.function, group=claim.group,
            label=label, attempt=attempt.number, wait_s=self.wait_s, trace=attempt.trace,
        )  # fmt: skip


def enqueued(
    job_ids: Sequence[str], *, queue: str, function: str, by: str, group: str = "", trace: str = ""
) -> None:  # fmt: skip
    """Jobs were submitted here for somebody: a job, or a schedule."""
    for job_id in job_ids if logger.isEnabledFor(logging.INFO) else ():
        facts = JobFacts(event="enqueued", job=job_id, queue=queue, function=function, group=group, trace=trace)
        logger.info("Job %s (%s) enqueued in %s by %s.", job_id, function, queue, by, extra=facts.extra())


def _ended(begun: _Begun, finish: Finish, took_s: float) -> JobFacts:
    again = finish.charge != "none" and not finish.state.is_final
    return replace(
        begun.facts, event="ended" if finish.state.is_final else "retried" if again else "returned",
        run_s=round(took_s, 3), state=finish.state.value if finish.state.is_final else "",
        again_in_s=round(max(finish.delay_s, 0), 3) if again else None, stopped_by=finish.stopped_by,
        error_type=finish.error_type, error=finish.error[:ERROR_CHARS],
    )  # fmt: skip


def _said(finish: Finish, took_s: float) -> tuple[str, int]:
    """How it ended in words, and how much that matters."""
    why = f" because {finish.error_type}: {finish.error[:ERROR_CHARS]}".rstrip(" :.") if finish.error_type else ""
    if finish.state.is_final:
        verb = _VERBS.get(finish.state, f"ended ({finish.state.value}) after")
        return f"{verb} {took_s:.2f} s{why}", logging.INFO if finish.state is State.SUCCEEDED else logging.WARNING
    if finish.charge == "none":
        return f"went back to its queue after {took_s:.2f} s", logging.INFO
    return f"is tried again in {max(finish.delay_s, 0):.2f} s, it failed after {took_s:.2f} s{why}", logging.WARNING
