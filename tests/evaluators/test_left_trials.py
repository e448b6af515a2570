"""Trials that were left running: taken over, or failed, by whoever optimizes the study next."""

import os
import signal
import sqlite3
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

import nbqueue
from nbqueue.errors import JobFailed
from nbqueue.evaluators import optimize
from nbqueue.evaluators.left_trials import JOB_ATTR
from tests.evaluators import objectives
from tests.evaluators.studied import states, study_of
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("connected")
optuna.logging.set_verbosity(optuna.logging.WARNING)


def kept(path: Path) -> optuna.Study:
    """A study on disk."""
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    sampler = optuna.samplers.RandomSampler(seed=1)
    return optuna.create_study(storage=storage, study_name="kept", sampler=sampler, load_if_exists=True)


async def test_a_job_that_runs_again_takes_its_trials_over(tmp_path: Path) -> None:
    """The process of a job that optimizes is killed: the next attempt goes on with the trials that ran."""
    folder, journal = tmp_path, tmp_path / "journal"

    async def tune() -> list[str]:
        (folder / "pids").open("a", encoding="ascii").write(f"{os.getpid()}\n")
        study = kept(journal)
        await optimize(study, partial(objectives.gated, folder=str(folder)), max(0, 3 - len(study.trials)))
        return states(study)

    job = await nbqueue.submit(tune)
    await until((folder / "began-0").exists, 20)
    os.kill(int((folder / "pids").read_text(encoding="ascii").split()[0]), signal.SIGKILL)
    await until(lambda: len((folder / "pids").read_text(encoding="ascii").split()) == 2, 20)
    (folder / "gate").touch()
    assert await job == ["COMPLETE"] * 3
    assert [each.params.keys() for each in kept(journal).trials] == [{"x"}] * 3
    assert len(list(folder.glob("began-*"))) == 3


def left(study: optuna.Study, job_id: str, ago: timedelta) -> None:
    """Leave a trial that another machine has begun a while ago."""
    began = datetime.now() - ago  # noqa: DTZ005 - as optuna has it
    trial = optuna.trial.FrozenTrial(
        number=-1, trial_id=-1, state=optuna.trial.TrialState.RUNNING, value=None, datetime_start=began,
        datetime_complete=None, params={}, distributions={}, user_attrs={},
        system_attrs={JOB_ATTR: [job_id, "another machine", 1, 0.0]}, intermediate_values={},
    )  # fmt: skip
    study._storage.create_new_trial(study._study_id, template_trial=trial)


async def test_old_trials_of_another_machine_have_failed() -> None:
    """Where the server knows no job of theirs; one that has just begun may have it elsewhere."""
    study = study_of()
    left(study, "trial-gone", timedelta(days=2))
    left(study, "trial-new", timedelta(minutes=2))
    await optimize(study, objectives.bowl, 1)
    assert states(study) == ["FAIL", "RUNNING", "COMPLETE"]


async def test_a_trial_whose_job_has_ended_unheard_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine would have told of it by then."""
    study = study_of()
    job = await nbqueue.options(job_id="trial-theirs").submit(_failing)
    with pytest.raises(JobFailed):
        await job
    left(study, "trial-theirs", timedelta(minutes=2))
    await optimize(study, objectives.bowl, 0)
    assert states(study) == ["RUNNING"]
    monkeypatch.setattr("nbqueue.evaluators.study_loop.TOLD_S", 0.0)
    with pytest.raises(JobFailed):
        await optimize(study, objectives.bowl, 0)
    assert states(study) == ["FAIL"]


async def test_storages_with_heartbeats_have_them(tmp_path: Path) -> None:
    """A trial that runs gives signs of life; one that gives none any more has failed, wherever it ran."""
    file = tmp_path / "study.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}", heartbeat_interval=1, grace_period=1)
    study = study_of(storage=storage)
    left(study, "trial-silent", timedelta(minutes=2))
    storage.record_heartbeat(study._storage.get_all_trials(study._study_id)[0]._trial_id)
    optimizing = optimize(study, partial(objectives.gated, folder=str(tmp_path)), 1)
    await until(lambda: len(beats(file)) == 2, 20)
    first = beats(file)[1]
    await until(lambda: beats(file)[1] > first, 20)
    (tmp_path / "gate").touch()
    await optimizing
    await until(lambda: storage._get_stale_trial_ids(study._study_id), 20)
    await optimize(study, objectives.bowl, 0)
    assert states(study) == ["FAIL", "COMPLETE"]


def beats(file: Path) -> list[str]:
    """The last signs of life of the trials."""
    with sqlite3.connect(file) as database:
        return [row[0] for row in database.execute("select heartbeat from trial_heartbeats order by trial_id")]


def _failing() -> None:
    raise ValueError("it ended")
