"""A study in the process of whoever optimizes: asked for trials, told what came of them."""

from __future__ import annotations

import copy
import logging
import pickle
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from nbqueue.errors import ConfigurationError
from nbqueue.evaluators import extras
from nbqueue.evaluators.left_trials import LeftTrials
from nbqueue.evaluators.trial_parcel import Parcel, Report
from nbqueue.model.names import new_job_id

log = logging.getLogger("nbqueue")

#: the studies that are optimized in this process
_busy: WeakSet[Any] = WeakSet()
_lock = threading.Lock()


class ToldStudy:
    """One study while it is optimized, with one trial at a time or with many."""

    def __init__(self, study: Any, *, is_alone: bool) -> None:
        self._optuna = extras.load("optuna", "evaluation", "optimize")
        self._study = study
        self._storage = study._storage  # noqa: SLF001 - what ask() and tell() themselves go by
        self._is_alone = is_alone
        #: the owners of its trials
        self.owned = LeftTrials(self._optuna, study)

    def begin(self) -> None:
        """Take the study for this optimization; raises ConfigurationError where another one has it."""
        with _lock:
            if self._study in _busy or self._study._thread_local.in_optimize_loop:  # noqa: SLF001
                raise ConfigurationError(
                    "This study is being optimized here already: wait for that, or give it more trials."
                )
            _busy.add(self._study)
        self._study._stop_flag = False  # noqa: SLF001 - as study.optimize() sets it

    @contextmanager
    def looping(self) -> Iterator[None]:
        """Within it callbacks, objectives and samplers may call `study.stop()`; after it others may have the study."""
        local = self._study._thread_local  # noqa: SLF001 - as study.optimize() sets it
        local.in_optimize_loop = True
        try:
            yield
        finally:
            local.in_optimize_loop = False
            with _lock:
                _busy.discard(self._study)

    def stop(self) -> None:
        """As `study.stop()`, from any thread."""
        self._study._stop_flag = True  # noqa: SLF001

    @property
    def is_stopped(self) -> bool:
        """Whether somebody called `study.stop()`."""
        return bool(self._study._stop_flag)  # noqa: SLF001

    @property
    def best(self) -> float | None:
        """The best value; None where there is none yet, or more than one objective."""
        if len(self._study.directions) > 1:
            return None
        try:
            return float(self._study.best_value)
        except ValueError:
            return None

    @property
    def prunes_live(self) -> bool:
        """Whether trials that run can be pruned by what others find meanwhile."""
        nothing = self._optuna.pruners.NopPruner
        return not self._is_alone and len(self._study.directions) == 1 and not isinstance(self._study.pruner, nothing)

    def ask(self) -> tuple[Any, str, Parcel]:
        """A new trial, the id of its job, and what that needs."""
        if self._is_alone:
            trial = self._study.ask()
        else:
            # chosen here, by the one sampler, so that trials under way know of one another
            done = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.COMPLETE,))
            trial = self._study.ask(self._optuna.search_space.intersection_search_space(done))
            _ = trial.relative_params
        job_id = f"trial-{new_job_id()}"
        self.owned.own(trial, job_id)
        return trial, job_id, self._parcel(trial)

    def seen(self, trial: Any, step: int, value: float) -> bool:
        """Take a value of a trial that runs; whether the pruner wants it to end."""
        frozen = self._storage.get_trial(trial._trial_id)  # noqa: SLF001
        if step not in frozen.intermediate_values:
            self._storage.set_trial_intermediate_value(trial._trial_id, step, value)  # noqa: SLF001
            frozen = self._storage.get_trial(trial._trial_id)  # noqa: SLF001
        return bool(self._study.pruner.prune(self._study, frozen))

    def tell(self, trial: Any, report: Report) -> None:
        """Write down what came of a trial."""
        if self._is_over(trial):
            log.warning("Trial %s is over in the study already: what came of it now is not told.", trial.number)
            return
        state = self._optuna.trial.TrialState.PRUNED if report.is_pruned else None
        self._take(trial, report, None if report.is_pruned else report.values, state)

    def prune(self, trial: Any, report: Report | None) -> None:
        """It was ended by the pruner: the last value that was seen is its own."""
        self._end(trial, report, self._optuna.trial.TrialState.PRUNED)

    def fail(self, trial: Any, report: Report | None = None) -> None:
        """It came to no end of its own; what it had found before is written down."""
        self._end(trial, report, self._optuna.trial.TrialState.FAIL)

    def lose(self, trial: Any, report: Report | None) -> None:
        """It failed, and its sampler did not come back: this one must not choose the same again."""
        if self._is_alone:
            self._study.sampler.reseed_rng()
        self.fail(trial, report)

    def state(self, trial: Any) -> str:
        """How a trial ended: "COMPLETE", "PRUNED" or "FAIL"."""
        return str(self._storage.get_trial(trial._trial_id).state.name)  # noqa: SLF001

    def call(self, callbacks: Sequence[Callable[[Any, Any], object]], trial: Any) -> None:
        """Call those who want to know of each trial that is over."""
        for callback in callbacks:
            callback(self._study, copy.deepcopy(self._storage.get_trial(trial._trial_id)))  # noqa: SLF001

    def _end(self, trial: Any, report: Report | None, state: Any) -> None:
        if report is not None and not self._is_over(trial):
            self._take(trial, report, None, state)
        else:
            self._close(trial, None, state)

    def _take(self, trial: Any, report: Report, values: Any, state: Any) -> None:
        self._write(trial._trial_id, report)  # noqa: SLF001
        if report.sampler is not None:
            vars(self._study.sampler).update(vars(report.sampler))
        self._close(trial, values, state)
        if report.stops:
            self._study.stop()

    def _close(self, trial: Any, values: Any, state: Any) -> None:
        if not self._is_over(trial):
            self._study.tell(trial.number, values, state=state)

    def _is_over(self, trial: Any) -> bool:
        return bool(self._storage.get_trial(trial._trial_id).state.is_finished())  # noqa: SLF001

    def _parcel(self, trial: Any) -> Parcel:
        study_id = self._study._study_id  # noqa: SLF001
        trials = self._study.get_trials(deepcopy=False)
        return Parcel(
            study_id=study_id,
            name=self._study.study_name,
            directions=self._study.directions,
            user_attrs=self._storage.get_study_user_attrs(study_id),
            system_attrs=self._storage.get_study_system_attrs(study_id),
            trials=zlib.compress(pickle.dumps(trials), 1),
            number=trial.number,
            sampler=self._sampler(),
            pruner=self._study.pruner,
            relative=(trial.relative_search_space, trial._relative_params),  # noqa: SLF001
            returns_sampler=self._is_alone,
        )

    def _sampler(self) -> Any:
        """The sampler for a trial; those of trials that run at once must not choose the same."""
        if self._is_alone:
            return self._study.sampler
        sampler = copy.deepcopy(self._study.sampler)
        sampler.reseed_rng()
        return sampler

    def _write(self, trial_id: int, report: Report) -> None:
        """What the objective did with the trial, into the study's own storage."""
        known, found, study_id = self._storage.get_trial(trial_id), report.trial, self._study._study_id  # noqa: SLF001
        for name, distribution in found.distributions.items():
            if name not in known.params:
                value = distribution.to_internal_repr(found.params[name])
                self._storage.set_trial_param(trial_id, name, value, distribution)
        for step, value in found.intermediate_values.items():
            if step not in known.intermediate_values:
                self._storage.set_trial_intermediate_value(trial_id, step, value)
        for name, value in _new(found.user_attrs, known.user_attrs):
            self._storage.set_trial_user_attr(trial_id, name, value)
        for name, value in _new(found.system_attrs, known.system_attrs):
            self._storage.set_trial_system_attr(trial_id, name, value)
        for name, value in report.user_attrs.items():
            self._storage.set_study_user_attr(study_id, name, value)
        for name, value in report.system_attrs.items():
            self._storage.set_study_system_attr(study_id, name, value)


def _new(found: dict[str, Any], known: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in found.items() if name not in known or known[name] != value]
