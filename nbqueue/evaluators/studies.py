"""`optimize`: an Optuna study whose trials are jobs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Unpack

from nbqueue.errors import ConfigurationError
from nbqueue.evaluators import extras
from nbqueue.evaluators.counts import check_count
from nbqueue.evaluators.given_functions import check_function
from nbqueue.evaluators.optimizing import Optimizing
from nbqueue.evaluators.plan import MOST_ITEMS
from nbqueue.evaluators.study_loop import StudyLoop, Wanted
from nbqueue.model import durations, limits
from nbqueue.model.durations import Duration
from nbqueue.model.job_options import TrialOptions, given_options
from nbqueue.model.names import shown
from nbqueue.model.retry import MAX_TRIES, RetryPolicy
from nbqueue.model.submitting import door


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
    trial_timeout: Duration | None = None,
    **given: Unpack[TrialOptions],
) -> Optimizing:
    """The study after more trials, each of them a job.

    It is under way when this returns: the study is asked and told in a thread of this process, so it may be any study,
    in memory too. With one trial at a time its numbers are those of `study.optimize`. Whoever interrupts the cell that
    waits cancels the trials that run. Of a study with a storage on disk, trials whose notebook has died meanwhile are
    taken over.

    Args:
        study: an `optuna.Study`.
        objective: called with an `optuna.Trial` in a job; sync or async.
        n_trials: how many trials more, beside those that are taken over; None: until `timeout`, `study.stop()`, a
            sampler that has tried all, or somebody who interrupts the cell or calls `.stop()` or `.cancel()` of what
            this gives.
        concurrency: trials at once.
        timeout: seconds after which no trial begins any more; those that run are waited for.
        retries: how often a trial whose objective raised is run again, with the same parameters. A trial whose worker
            or process died is run again anyway.
        catch: errors of the objective that fail their trial alone; any other ends all.
        callbacks: called in this process, in a thread of its own, with the study and each trial that is over.
        trial_timeout: seconds of running time of each trial.
        given: options of each trial's job, as `nbqueue.options` has them: queue=, priority=, memory=, tags= ...

    Raises:
        ConfigurationError: something of this cannot be meant; at once, here.
        JobFailed: the objective raised what `catch` does not name.
    """
    optuna = extras.load("optuna", "evaluation", "optimize")
    if not isinstance(study, optuna.Study):
        raise ConfigurationError(f"study={shown(study)} cannot be optimized: give what optuna.create_study() made.")
    check_function(objective, "objective", "a function of a trial", (None,))
    options = given_options(given, "optimize", TrialOptions, of=optimize)
    if check_count(retries, "retries", MAX_TRIES - 1):
        options.setdefault("retry", RetryPolicy(max_tries=retries + 1))
    if trial_timeout is not None:
        options["timeout"] = durations.seconds(trial_timeout, "trial_timeout", least=0.001)
    door().options(options)  # says at once what is wrong with one
    wanted = Wanted(
        n_trials=None if n_trials is None else check_count(n_trials, "n_trials", MOST_ITEMS),
        concurrency=limits.check_concurrency(concurrency),
        timeout_s=None if timeout is None else durations.seconds(timeout, "timeout"),
        catch=catch if isinstance(catch, type) else tuple(catch),
        callbacks=_functions(callbacks),
        options=options,
    )
    _advise(optuna, study, wanted.concurrency)
    return Optimizing(StudyLoop(study, objective, wanted))


def _functions(callbacks: Any) -> tuple[Callable[[Any, Any], object], ...]:
    """Callbacks; one alone will do."""
    given = (callbacks,) if callable(callbacks) or not isinstance(callbacks, Iterable) else callbacks
    wanted = "functions of the study and of a trial that is over"
    return tuple(check_function(each, "callbacks", wanted, (None, None)) for each in given)


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
