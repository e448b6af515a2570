"""What the job of a trial does: the objective, with a trial that is optuna's own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nbqueue.evaluators import extras
from nbqueue.evaluators.trial_failure import carry
from nbqueue.evaluators.trial_parcel import Parcel, Report


def run_trial(parcel: Parcel, objective: Callable[[Any], Any]) -> Report:
    """What came of one trial; an error of the objective is the job's own, and carries what the trial found before."""
    optuna = extras.load("optuna", "evaluation", "optimize")
    from nbqueue.evaluators.trial_study import opened

    study, trial = opened(parcel)
    storage: Any = study._storage  # noqa: SLF001 - made for this trial
    try:
        values = objective(trial)
        if inspect.isawaitable(values):
            values = asyncio.run(_awaited(values))
    except optuna.TrialPruned:
        return _report(parcel, study, None, is_pruned=True)
    except Exception as error:
        carry(error, _report(parcel, study, None))
        raise
    finally:
        storage.close()
    return _report(parcel, study, values)


def _report(parcel: Parcel, study: Any, values: Any, *, is_pruned: bool = False) -> Report:
    """The trial as it stands now."""
    return Report(
        values=values,
        is_pruned=is_pruned,
        trial=study.get_trials(deepcopy=False)[parcel.number],
        user_attrs=_changed(parcel.user_attrs, study._storage.get_study_user_attrs(study._study_id)),  # noqa: SLF001
        system_attrs=_changed(parcel.system_attrs, study._storage.get_study_system_attrs(study._study_id)),  # noqa: SLF001
        stops=study._stop_flag,  # noqa: SLF001
        sampler=study.sampler if parcel.returns_sampler else None,
    )


async def _awaited(value: Any) -> Any:
    return await value


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if name not in before or before[name] != value}
