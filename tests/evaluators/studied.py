"""Studies of tests, and what is compared of them."""

from __future__ import annotations

from typing import Any

import optuna

from nbqueue.client.known import jobs


def study_of(sampler: optuna.samplers.BaseSampler | None = None, **given: Any) -> optuna.Study:
    """A study in memory, with a seed."""
    return optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=1), **given)


def facts(study: optuna.Study) -> list[tuple[Any, ...]]:
    """All that is not a time."""
    return [
        (each.number, each.state, each.values, each.params, each.distributions, each.intermediate_values,
         each.user_attrs, {name: value for name, value in each.system_attrs.items() if not name.startswith("nbqueue")})
        for each in study.trials
    ]  # fmt: skip


def states(study: optuna.Study) -> list[str]:
    """The states of its trials."""
    return [each.state.name for each in study.trials]


async def none_runs() -> bool:
    """Whether no trial runs as a job."""
    return not len(await jobs.where(state="running", function="run_trial"))
