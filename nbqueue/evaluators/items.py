"""`evaluate`: a function over a data set, behind a rate limit, as one job."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from nbqueue.errors import JobCancelled, JobError, JobLost, NotSendable
from nbqueue.evaluators import data_set, kept_rows, plan
from nbqueue.evaluators.cancelling import Cancelling
from nbqueue.evaluators.data_set import Item
from nbqueue.evaluators.evaluation import Evaluation, Sample
from nbqueue.evaluators.given_functions import check_function
from nbqueue.evaluators.item_run import evaluated, marked
from nbqueue.evaluators.scorers import Scorer
from nbqueue.evaluators.scorers import read as read_scorers
from nbqueue.model.durations import Duration
from nbqueue.model.job_options import EvaluationOptions, given_options
from nbqueue.model.names import new_job_id
from nbqueue.model.retry import RetryPolicy
from nbqueue.model.submitting import Handle, Undertaking, Waited, door

#: seconds for which what was found can be taken up again: a week
KEPT_S = 7 * 86_400.0
_TAG = "evaluation"
_KEY_DIGITS = 20
#: jobs of one evaluation that are looked for at once; they go in order, but a person may delete any
_AHEAD = 16


def evaluate(
    items: Any,
    task: Callable[[Any], Any],
    scorers: Callable[..., Any] | Iterable[Callable[..., Any]] | Mapping[str, Callable[..., Any]] | None = None,
    *,
    concurrency: int = 8,
    rate: str | None = None,
    retries: int | RetryPolicy = 2,
    item_timeout: Duration | None = None,
    max_errors: int | None = None,
    name: str = "",
    resume: Evaluation | None = None,
    fresh: bool = False,
    **given: Unpack[EvaluationOptions],
) -> Undertaking[Evaluation]:
    """The evaluation of a function over a data set, made by one job whose card is shown.

    The same call again, in this notebook or after a restart, finds its job: it waits for it where it runs, gives what
    it found where it went through, and where it was stopped asks for what is missing, and for what had failed.

    Args:
        items: a list of dicts (with "id", "input" and "target", as far as there are any), a dict of items by id, a
            pandas frame, or any iterable.
        task: called with each item, sync or async; what it gives is the output.
        scorers: called with an output and its item's "target", and with `item=` where they have a parameter of that
            name; they answer a number, a bool, None for no score, or a dict of these. A function, several, or a dict by
            name.
        concurrency: calls at once. Sync functions have a thread each.
        rate: how many calls of the task begin in a time: "20/min", "5/s", "60/min burst 5".
        retries: how often a call that failed is made again, or a RetryPolicy. An error with an HTTP status of 429, and
            RetryLater, hold all calls for as long as they say, and are no failures.
        item_timeout: seconds for one call. The thread of a sync function is left to itself then.
        max_errors: it ends when more items than this have failed. Calls under way then may still add to them: up to
            `concurrency - 1` more.
        name: what it is called; the task's name if not given. Another name is another evaluation.
        resume: an evaluation whose outputs are taken over, but those of items that failed.
        fresh: True asks for everything anew.
        given: options of the job, as `nbqueue.options` has them: queue=, priority=, timeout= (of all), tags= ...

    Returns:
        The rows, also where it was cancelled or stopped: then `stopped_by` says why, and some are missing. `.cancel()`
        of what this gives cancels the job.

    Raises:
        ConfigurationError: the task or a scorer is no function, or takes other arguments; at once, here.
        JobError: the job failed as a whole, so that there are no rows.
    """
    found = data_set.read(items)
    check_function(task, "task", "a function of an item", (None,))
    judges = read_scorers(scorers)
    called = name or getattr(task, "__name__", type(task).__name__)
    own = {"label": called, "tags": [_TAG], "keep_result": KEPT_S, "keep_error": KEPT_S}
    options = {**own, **given_options(given, "evaluate", EvaluationOptions, of=evaluate)}
    door().options(options)  # says at once what is wrong with one
    steps = plan.plan(
        name=called, concurrency=concurrency, rate=rate, retries=retries, item_timeout=item_timeout,
        max_errors=max_errors, scored_by=_digest(_nothing, judges) or "",
    )  # fmt: skip
    before = {} if resume is None else _known(found, resume, steps.scored_by)
    key = _digest(task, called, found, sorted(before))
    asked = _Asked(items=found, task=task, scorers=judges, plan=steps, before=before, key=key, options=options)
    return door().begin(lambda: asked.answer(fresh=fresh), f"The evaluation {called}", cancel=asked.cancelling.ask)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """An evaluation that was asked for, checked."""

    items: Sequence[Item]
    task: Callable[[Any], Any]
    scorers: Sequence[Scorer]
    plan: plan.Plan
    #: rows that are taken over, by place
    before: Mapping[int, Sample]
    #: tells it from others; None: it cannot be told
    key: str | None
    #: of its job
    options: Mapping[str, Any]
    #: who wants it to end
    cancelling: Cancelling = field(default_factory=Cancelling)

    def answer(self, *, fresh: bool) -> Evaluation:
        """What an earlier job found, or a new one, which starts from that."""
        earlier = {} if self.key is None else _earlier(self.key)
        known = {} if fresh else self._found_earlier(list(earlier.values()))
        if isinstance(known, Evaluation):
            return known
        rows = {**self.before, **known}
        if self.cancelling.is_asked:
            return self._cancelled(rows)
        job_id = f"{self.key or new_job_id()}-{max(earlier, default=0) + 1}"
        submitting = door().options({**self.options, "job_id": job_id, "run_in": "process"})
        job = submitting.submit(evaluated, self.items, self.task, self.scorers, self.plan, rows).wait()
        try:
            return self._shown(job)
        except JobCancelled:
            if not self.cancelling.is_asked:
                raise
            kept = _kept_by(job)  # it was killed, or had not begun
            return self._cancelled(rows if kept is None else kept[1])

    def _found_earlier(self, jobs: Sequence[Handle[Evaluation]]) -> Evaluation | dict[int, Sample]:
        """What the last of the jobs found that found anything: the answer, or the rows that it has of it."""
        scored_by = self.plan.scored_by
        for job in reversed(jobs):
            was_over = job.state().wait().is_final
            try:
                found = _found_by(job) if was_over else self._shown(job)
            except JobError:
                if not was_over and not self.cancelling.is_asked:
                    raise
                kept = _kept_by(job)
                if kept is None:
                    continue
                return _usable(self.items, kept[1].values(), is_same=bool(scored_by) and kept[0] == scored_by)
            if (found.is_complete or not was_over) and found.scored_by == scored_by:
                return found
            return _known(self.items, found, scored_by)
        return {}

    def _shown(self, job: Handle[Evaluation]) -> Evaluation:
        """What a job finds, its card shown meanwhile."""
        self.cancelling.of(job)
        door().show(job)
        return _found_by(job)

    def _cancelled(self, rows: Mapping[int, Sample]) -> Evaluation:
        """What there is where no job could say so."""
        return Evaluation(
            name=self.plan.name, total=len(self.items), stopped_by="cancel", scored_by=self.plan.scored_by,
            samples=tuple(marked(rows[place], self.scorers) for place in sorted(rows)),
            scorers=tuple(sorted({name for row in rows.values() for name in row.scores})),
        )  # fmt: skip


def _earlier(key: str) -> dict[int, Handle[Evaluation]]:
    """The jobs of this evaluation that the server still knows by their numbers, the first first."""
    found: dict[int, Handle[Evaluation]] = {}
    start, seen = 1, True
    while seen:
        asked = {number: door().attach(f"{key}-{number}") for number in range(start, start + _AHEAD)}
        known = {number: handle for number, each in asked.items() if (handle := _known_job(each)) is not None}
        found |= known
        start, seen = start + _AHEAD, bool(known)
    return found


def _known_job(asked: Waited[Handle[Evaluation]]) -> Handle[Evaluation] | None:
    try:
        return asked.wait()
    except JobLost:
        return None


def _kept_by(job: Handle[Evaluation]) -> tuple[str, dict[int, Sample]] | None:
    """What a job had kept that ended without a result; None where that is nothing, or kept no longer."""
    found = door().kept(job.id).wait()
    return None if found is None else kept_rows.read(found)


def _found_by(job: Handle[Evaluation]) -> Evaluation:
    """What a job found, also where it was cancelled."""
    try:
        return job.wait()
    except JobCancelled as cancelled:
        if isinstance(cancelled.partial, Evaluation):
            return cancelled.partial
        raise


def _known(items: Sequence[Item], found: Evaluation, scored_by: str) -> dict[int, Sample]:
    """The rows of an evaluation that can be taken over, by place."""
    return _usable(items, found.samples, is_same=bool(scored_by) and found.scored_by == scored_by)


def _usable(items: Sequence[Item], found: Iterable[Sample], *, is_same: bool) -> dict[int, Sample]:
    """The rows of items that did not fail, by place; without their scores where these are not of the same scorers."""
    places = {item.id: place for place, item in enumerate(items)}
    rows = {places[row.id]: row for row in found if row.id in places and not (row.error and row.output is None)}
    return {
        place: row if is_same and not row.error else row._replace(scores={}, error="") for place, row in rows.items()
    }


def _digest(fn: Callable[..., Any], /, *args: Any) -> str | None:
    """Tells the same evaluation from others; None, with a warning, where it cannot be told."""
    try:
        return f"{_TAG}-{door().digest(fn, *args)[:_KEY_DIGITS]}"
    except NotSendable as error:
        warnings.warn(f"The same call will not find this evaluation again: {error}", stacklevel=3)
        return None


def _nothing() -> None:
    """Has the digest of its arguments alone."""
