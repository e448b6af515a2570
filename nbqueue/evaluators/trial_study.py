"""The study that a trial sees in its own process: a copy in memory that reports what happens. Imports optuna."""

from __future__ import annotations

import pickle
import zlib
from typing import Any

import optuna

from nbqueue.evaluators.trial_parcel import Parcel
from nbqueue.inside import report, should_stop


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
    storage = optuna.storages.InMemoryStorage()
    study_id = storage.create_new_study(parcel.directions, parcel.name)
    for name, value in parcel.user_attrs.items():
        storage.set_study_user_attr(study_id, name, value)
    for name, value in parcel.system_attrs.items():
        storage.set_study_system_attr(study_id, name, value)
    for each in pickle.loads(zlib.decompress(parcel.trials)):  # noqa: S301 - of a verified job
        storage.create_new_trial(study_id, template_trial=each)
    study = optuna.Study(parcel.name, storage, parcel.sampler, parcel.pruner)
    study._thread_local.in_optimize_loop = True  # so that the objective may call study.stop()  # noqa: SLF001
    return study, _trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, parcel.number), parcel)


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
