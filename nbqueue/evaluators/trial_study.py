"""The study that a trial sees in its own process: a copy in memory that reports what happens. Imports optuna."""

from __future__ import annotations

import pickle
import threading
import zlib
from contextlib import suppress
from time import perf_counter
from typing import Any

import optuna

from nbqueue.evaluators.trial_parcel import SO_FAR, Parcel
from nbqueue.inside import report, should_stop
from nbqueue.inside.context import current

#: seconds between two times that what a trial found is kept, at least
PERIOD_S = 0.05
#: a trial that has found much takes long to send: the share of the time that may go into it
_SHARE = 0.05
#: and so long it is not known at most
MOST_PERIOD_S = 5.0
#: seconds in which what is being kept is out
_LEAVE_S = 5.0


class KeptStorage(optuna.storages.InMemoryStorage):
    """Keeps the trial that runs with its job, soon after each change: so it is known also of one whose process dies."""

    def __init__(self) -> None:
        super().__init__()
        #: the trial that runs; None: not yet
        self.trial_id: int | None = None
        self._job = current()
        #: held from the look at the trial until it is sent, so that what is newer comes later
        self._keeping = threading.Lock()
        #: what keeps it soon, and the one before where that is still at it
        self._timers: list[threading.Timer] = []
        #: whether one of them has yet to look
        self._is_due = False
        self._pause_s = 0.0

    def take(self, parcel: Parcel) -> int:
        """The id of a parcel's study, which is here what it is at home, as those of its trials are.

        Samplers remember studies and trials by their ids.
        """
        self._max_study_id = parcel.study_id - 1
        study_id = self.create_new_study(parcel.directions, parcel.name)
        for name, value in parcel.user_attrs.items():
            self.set_study_user_attr(study_id, name, value)
        for name, value in parcel.system_attrs.items():
            self.set_study_system_attr(study_id, name, value)
        for each in pickle.loads(zlib.decompress(parcel.trials)):  # noqa: S301 - of a verified job
            self._max_trial_id = each._trial_id - 1  # noqa: SLF001
            self.create_new_trial(study_id, template_trial=each)
        return study_id

    def set_trial_param(self, *args: Any) -> None:
        """As optuna has it, and kept at once: it is chosen once."""
        super().set_trial_param(*args)
        self._keep()

    def set_trial_intermediate_value(self, *args: Any) -> None:
        """As optuna has it, and kept soon."""
        super().set_trial_intermediate_value(*args)
        self._changed()

    def set_trial_user_attr(self, *args: Any) -> None:
        """As optuna has it, and kept soon."""
        super().set_trial_user_attr(*args)
        self._changed()

    def close(self) -> None:
        """The trial is over: leave no thread behind, for which its process would not be used again."""
        self.trial_id = None
        for each in self._timers:
            each.cancel()
        for each in self._timers:
            each.join(_LEAVE_S)

    def _changed(self) -> None:
        if self._is_due or self.trial_id is None or self._job is None:
            return
        self._is_due = True
        timer = threading.Timer(self._pause_s, self._keep_soon)
        timer.daemon = True
        self._timers = [*(each for each in self._timers if each.is_alive()), timer]
        timer.start()

    def _keep_soon(self) -> None:
        self._is_due = False  # what changes from here on may come too late for this look
        self._keep()

    def _keep(self) -> None:
        with self._keeping:
            trial_id = self.trial_id
            if trial_id is None or self._job is None:
                return
            began = perf_counter()
            with suppress(Exception):  # what does not fit, or comes after the end, costs the trial nothing
                self._job.keeping.keep_beside(SO_FAR, zlib.compress(pickle.dumps(self.get_trial(trial_id)), 1))
            self._pause_s = min(max(PERIOD_S, (perf_counter() - began) / _SHARE), MOST_PERIOD_S)


class JobTrial(optuna.Trial):
    """A trial that reports what its objective does with it."""

    def report(self, value: float, step: int) -> None:
        """Keep a value, and report it as the metric `value`."""
        super().report(value, step)
        report(value=value, step=step)

    def should_prune(self) -> bool:
        """Whether it is to end: the study's own pruner says so, or whoever stops the job.

        The metric `prunes` tells whoever knows more of the other trials that it asks.
        """
        report(prunes=1)
        return should_stop() or super().should_prune()


def opened(parcel: Parcel) -> tuple[optuna.Study, optuna.Trial]:
    """The study and the trial of a parcel, in this process."""
    storage = KeptStorage()
    study_id = storage.take(parcel)
    study = optuna.Study(parcel.name, storage, parcel.sampler, parcel.pruner)
    study._thread_local.in_optimize_loop = True  # so that the objective may call study.stop()  # noqa: SLF001
    storage.trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, parcel.number)
    return study, _trial(study, storage.trial_id, parcel)


def _trial(study: optuna.Study, trial_id: int, parcel: Parcel) -> optuna.Trial:
    """The trial without what making one does: its sampler was told of it where it was asked for."""
    own, study.sampler = study.sampler, _Quiet()
    trial = JobTrial(study, trial_id)
    study.sampler = own
    found: Any = trial
    found.relative_search_space, found._relative_params = parcel.relative  # noqa: SLF001
    return trial


class _Quiet(optuna.samplers.BaseSampler):
    """A sampler that does nothing."""

    def infer_relative_search_space(self, *_: Any) -> dict[str, Any]:
        return {}

    def sample_relative(self, *_: Any) -> dict[str, Any]:
        return {}

    def sample_independent(self, *_: Any) -> Any:
        return None
