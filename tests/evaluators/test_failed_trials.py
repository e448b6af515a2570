"""`optimize`: trials that raise, are tried again, or take their process down."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest

from nbqueue.errors import JobFailed
from nbqueue.evaluators import optimize
from tests.evaluators import objectives
from tests.evaluators.studied import facts, none_runs, states, study_of
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("connected")
optuna.logging.set_verbosity(optuna.logging.WARNING)


async def test_a_trial_that_kills_its_process_has_failed() -> None:
    """The others are not harmed, and the study goes on."""
    study = study_of()
    await optimize(study, objectives.deadly, 3)
    assert states(study) == ["COMPLETE", "FAIL", "COMPLETE"]


async def test_an_error_ends_all_unless_it_is_caught() -> None:
    """As with optuna: its trial has failed, and the error is raised; what `catch` names fails its trial alone."""

    def failing(trial: Any) -> float:
        if trial.suggest_float("x", 0, 1) < 2:
            raise KeyError("no")
        return 0.0

    study = study_of()
    with pytest.raises(JobFailed) as raised:
        await optimize(study, failing, 3)
    assert (str(raised.value.__cause__), states(study)) == ("'no'", ["FAIL"])
    await optimize(study, failing, 2, catch=KeyError)
    assert states(study) == ["FAIL", "FAIL", "FAIL"]


async def test_trials_that_failed_keep_what_they_found() -> None:
    """Parameters, values and attributes stay, and the next trial has other parameters: all as with optuna."""
    own = study_of(study_name="one")
    own.optimize(objectives.picky, 8, catch=(ValueError,))
    study = study_of(study_name="one")
    await optimize(study, objectives.picky, 8, catch=ValueError)
    assert facts(study) == facts(own)
    assert {"FAIL", "COMPLETE"} == set(states(study))
    together = study_of()
    await optimize(together, objectives.picky, 6, catch=ValueError, concurrency=2)
    assert [(each.intermediate_values, each.user_attrs) for each in together.trials] == [
        ({0: each.params["x"]}, {"seen": each.params["x"]}) for each in together.trials
    ]


async def test_an_error_is_raised_as_the_objective_made_it() -> None:
    """What it carried home is taken from it."""
    study = study_of()
    study.enqueue_trial({"x": 0.1})
    with pytest.raises(JobFailed) as raised:
        await optimize(study, objectives.picky, 1)
    assert isinstance(raised.value.__cause__, ValueError)
    assert vars(raised.value.__cause__).keys() <= {"__notes__"}
    assert study.trials[0].params == {"x": 0.1}


async def test_after_a_trial_that_was_lost_others_are_chosen() -> None:
    """The sampler of a process that died does not come back, and its choices are not made again."""

    def dying(trial: Any) -> float:
        found: float = trial.suggest_float("x", 0, 1)
        if trial.number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    own, study = study_of(), study_of()
    own.optimize(lambda trial: trial.suggest_float("x", 0, 1), 1)
    await optimize(study, dying, 2, retry=1)
    assert states(study) == ["FAIL", "COMPLETE"]
    assert study.trials[1].value != own.trials[0].value


async def test_an_error_leaves_no_other_trial_running() -> None:
    """Those beside it are cancelled."""

    def failing(trial: Any) -> float:
        if trial.number == 0:
            return objectives.endless(trial)
        raise KeyError("no")

    study = study_of(pruner=optuna.pruners.NopPruner())
    with pytest.raises(JobFailed):
        await optimize(study, failing, 3, concurrency=2)
    assert states(study) == ["FAIL", "FAIL"]
    await until(none_runs)


async def test_a_retried_trial_has_the_same_parameters(tmp_path: Path) -> None:
    """An attempt that raised is followed by another one of the same trial."""
    study = study_of()
    objective = partial(objectives.stumbling, folder=str(tmp_path))
    await optimize(study, objective, 2, retries=1, concurrency=2)
    assert states(study) == ["COMPLETE", "COMPLETE"]
    for trial in study.trials:
        tried = (tmp_path / f"trial-{trial.number}").read_text(encoding="ascii").splitlines()
        assert tried == [repr(trial.params["x"])] * 2
