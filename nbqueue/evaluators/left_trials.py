"""Whose the trials of a study are that run, and which of them were left behind by a process that is gone."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nbqueue.evaluators import owners

#: in the attributes of a trial: the job that runs it, and the process that waits for that
JOB_ATTR = "nbqueue:job"
#: a job of another machine's trial that has ended so long ago would have been told by whoever waited for it
TOLD_S = 60.0
#: where nobody knows that job, a trial that has begun so long ago is given up
UNKNOWN_S = 86_400.0


class Left(NamedTuple):
    """A trial that runs for a process that is not this one."""

    #: optuna's
    trial: Any
    job_id: str
    #: whether that process is gone; False: it is another machine's, and nobody here knows
    is_gone: bool

    @property
    def is_old(self) -> bool:
        """Whether it began so long ago that its job would be known."""
        began: datetime | None = self.trial.datetime_start
        return began is not None and datetime.now() - began >= timedelta(seconds=UNKNOWN_S)  # noqa: DTZ005 - optuna's


class LeftTrials:
    """The owners of one study's trials, and the signs of life that its storage may ask for."""

    def __init__(self, optuna: Any, study: Any) -> None:
        self._optuna, self._study = optuna, study
        self._storage = study._storage  # noqa: SLF001 - what ask() and tell() themselves go by

    def own(self, trial: Any, job_id: str) -> None:
        """Write down that this process waits for a trial."""
        self._storage.set_trial_system_attr(trial._trial_id, JOB_ATTR, [job_id, *owners.own()])  # noqa: SLF001
        self.live(trial)

    def found(self) -> list[Left]:
        """Trials that run for a process that is gone, and those of other machines."""
        running = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.RUNNING,))
        found = []
        for each in running:
            if JOB_ATTR in each.system_attrs:
                job_id, *owner = each.system_attrs[JOB_ATTR]
                if owners.is_gone(*owner) or not owners.is_here(*owner):
                    found.append(Left(each, job_id, owners.is_gone(*owner)))
        return found

    @property
    def beats_s(self) -> float | None:
        """How often the storage wants a sign of life of each trial that runs; None: it wants none."""
        asked = getattr(self._storage, "get_heartbeat_interval", None)
        return None if asked is None else asked()

    def live(self, trial: Any) -> None:
        """Give that sign."""
        if self.beats_s is not None:
            self._storage.record_heartbeat(trial._trial_id)  # noqa: SLF001

    def fail_silent(self) -> None:
        """Have those failed that gave no sign for too long, wherever they ran: optuna's own rule."""
        if self.beats_s is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is called experimental
            self._optuna.storages.fail_stale_trials(self._study)
