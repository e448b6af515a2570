"""`optimize`: an Optuna study whose trials are jobs."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Any

from nbqueue.errors import ConfigurationError, NotInJob
from nbqueue.evaluators import extras
from nbqueue.evaluators.counts import check_count
from nbqueue.evaluators.plan import MOST_ITEMS
from nbqueue.evaluators.study_loop import StudyLoop, Wanted
from nbqueue.model import durations, limits
from nbqueue.model.durations import Duration
from nbqueue.model.job_options import JobOptions, given_options
from nbqueue.model.names import shown
from nbqueue.model.retry import MAX_TRIES, RetryPolicy


def optimize(
    study: Any,
    objective: Callable[[Any], Any],
    n_trials: int | None = None,
    *,
    concurrency: int = 1,
    timeout: Duration | None = None,
    retries: int = 0,
    catch: type[Exception] | Sequence[type[Exception]] = (),
    callbacks: Sequence[Callable[[Any, Any], object]] = (),
    options: JobOptions | None = None,
) -> Optimizing:
    """The study after more trials, each of them a job.

    The study is asked and told in this process, so it may be any study, in memory too, and it changes while the cell
    waits. With one trial at a time its numbers are those of `study.optimize`. Whoever interrupts the cell cancels the
    trials that run. Of a study with a storage on disk, trials whose notebook has died meanwhile are taken over.

    Args:
        study: an `optuna.Study`.
        objective: called with an `optuna.Trial` in a job; sync or async.
        n_trials: how many trials more; None: until `timeout`, or `study.stop()`.
        concurrency: trials at once.
        timeout: seconds after which no trial begins any more; those that run are waited for. A limit of each trial is
            `options={"timeout": 60}`.
        retries: how often a trial whose objective raised is run again, with the same parameters. A trial whose worker
            or process died is run again anyway.
        catch: errors of the objective that fail their trial alone; any other ends all.
        callbacks: called here with the study and each trial that is over.
        options: of the jobs, as `nbqueue.options` takes them.

    Raises:
        JobFailed: the objective raised what `catch` does not name.
    """
    optuna = extras.load("optuna", "evaluation", "optimize")
    if not isinstance(study, optuna.Study):
        raise ConfigurationError(f"study={shown(study)} cannot be optimized: give what optuna.create_study() made.")
    given = given_options(options or {}, "optimize")
    if check_count(retries, "retries", MAX_TRIES - 1):
        given.setdefault("retry", RetryPolicy(max_tries=retries + 1))
    wanted = Wanted(
        n_trials=None if n_trials is None else check_count(n_trials, "n_trials", MOST_ITEMS),
        concurrency=limits.check_concurrency(concurrency),
        timeout_s=None if timeout is None else durations.seconds(timeout, "timeout"),
        catch=catch if isinstance(catch, type) else tuple(catch),
        callbacks=tuple(callbacks),
        options=given,
    )
    _advise(optuna, study, wanted.concurrency)
    return Optimizing(StudyLoop(study, objective, wanted))


class Optimizing:
    """An optimization: it goes on while it is awaited, or waited for, as its trials are told to the study here."""

    def __init__(self, loop: StudyLoop) -> None:
        self._loop = loop

    def __await__(self) -> Generator[Any, None, Any]:
        return self._loop.run().__await__()

    def wait(self) -> Any:
        """The study after its trials, for code that cannot await."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._loop.run())
        raise NotInJob("An event loop runs in this thread: await optimize(...) instead of calling .wait().")


def _advise(optuna: Any, study: Any, concurrency: int) -> None:
    sampler = study.sampler
    if (
        concurrency > 1
        and isinstance(sampler, optuna.samplers.TPESampler)
        and not getattr(sampler, "_constant_liar", True)
    ):
        warnings.warn(
            "Trials at once may try nearly the same: create the study with TPESampler(constant_liar=True).",
            stacklevel=3,
        )
