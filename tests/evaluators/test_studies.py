"""`optimize`: an Optuna study whose trials are jobs."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

import nbqueue
from nbqueue.errors import ConfigurationError
from nbqueue.evaluators import optimize
from nbqueue.evaluators.left_trials import JOB_ATTR
from nbqueue.model.settings import Settings
from tests.evaluators import objectives
from tests.evaluators.studied import facts, none_runs, states, study_of
from tests.waiting import until, wait_until

pytestmark = pytest.mark.usefixtures("connected")
optuna.logging.set_verbosity(optuna.logging.WARNING)

SAMPLERS: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
    "tpe": lambda: optuna.samplers.TPESampler(seed=1, n_startup_trials=4),
    "tpe together": lambda: optuna.samplers.TPESampler(seed=1, n_startup_trials=4, multivariate=True),
    "genetic": lambda: optuna.samplers.NSGAIISampler(seed=1, population_size=4),
}
PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=2),
    "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=5),
}


@pytest.mark.parametrize("pruner", PRUNERS)
@pytest.mark.parametrize("sampler", SAMPLERS)
async def test_one_trial_at_a_time_gives_the_numbers_of_optuna(sampler: str, pruner: str) -> None:
    """Parameters, values, what was pruned and where are equal to those of `study.optimize`, also over two calls."""
    own = study_of(SAMPLERS[sampler](), pruner=PRUNERS[pruner](), study_name="one")
    own.optimize(objectives.bowl, n_trials=14)
    study = study_of(SAMPLERS[sampler](), pruner=PRUNERS[pruner](), study_name="one")
    assert await optimize(study, objectives.bowl, 10) is study
    await optimize(study, objectives.bowl, 4)
    assert facts(study) == facts(own)
    assert {"PRUNED", "COMPLETE"} == set(states(study))


@pytest.mark.parametrize("sampler", SAMPLERS)
async def test_a_study_of_a_data_base_goes_on_as_it_began(sampler: str, tmp_path: Path) -> None:
    """Samplers know a study and its trials by ids, which others take part in: here, there, and over many calls."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/studies.db")
    for _ in range(2):
        study_of(storage=storage).ask()
    own = study_of(SAMPLERS[sampler](), storage=storage, study_name="own")
    own.optimize(objectives.bowl, n_trials=14)
    study = study_of(SAMPLERS[sampler](), storage=storage, study_name="other")
    study.optimize(objectives.bowl, n_trials=10)
    await optimize(study, objectives.bowl, 4)
    assert facts(study) == facts(own)
    await optimize(study, objectives.bowl, 3, concurrency=2)
    await optimize(study, objectives.bowl, 2)
    await optimize(study, objectives.bowl, 3, concurrency=2)
    assert set(states(study)) <= {"COMPLETE", "PRUNED"}


async def test_trials_at_once_all_end() -> None:
    """With two at once as many trials end as were asked for, each with its own parameters."""
    study = study_of(optuna.samplers.TPESampler(seed=1, n_startup_trials=3, constant_liar=True))
    await optimize(study, objectives.bowl, 12, concurrency=2)
    assert len(study.trials) == 12
    assert len({each.params["x"] for each in study.trials}) == 12
    assert "RUNNING" not in states(study)


async def test_a_trial_is_pruned_by_what_others_find_meanwhile() -> None:
    """A bad trial that began before the others is ended once these are better at its steps."""
    study = study_of(pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
    study.enqueue_trial({"bad": True})
    for _ in range(3):
        study.enqueue_trial({"bad": False})
    await optimize(study, objectives.slow, 4, concurrency=2)
    assert states(study) == ["PRUNED", "COMPLETE", "COMPLETE", "COMPLETE"]
    assert study.trials[0].value == 100
    assert 0 < len(study.trials[0].intermediate_values) < 300


async def test_a_grid_ends_by_itself() -> None:
    """`study.stop()` of the sampler, of a callback or of the objective lets no further trial begin."""
    seen: list[int] = []

    def stopping(trial: Any) -> float:
        if trial.number == 2:
            trial.study.stop()
        return float(trial.suggest_int("x", 0, 9))

    grid = study_of(optuna.samplers.GridSampler({"x": [1, 2, 3]}))
    await optimize(grid, lambda trial: trial.suggest_int("x", 0, 9))
    assert sorted(each.params["x"] for each in grid.trials) == [1, 2, 3]
    stopped = study_of()
    await optimize(stopped, stopping, 9, callbacks=[lambda _, trial: seen.append(trial.number)])
    assert (len(stopped.trials), seen) == (3, [0, 1, 2])
    called = study_of()
    await optimize(called, lambda trial: trial.suggest_int("x", 0, 9), callbacks=[lambda study, _: study.stop()])
    assert len(called.trials) == 1


async def test_a_time_limit_of_all_lets_no_trial_begin() -> None:
    """Those that run are waited for."""
    study = study_of()
    await optimize(study, objectives.bowl, timeout=0.3)
    assert set(states(study)) <= {"COMPLETE", "PRUNED"}
    assert 0 < len(study.trials) < 1000


async def test_a_trial_over_its_time_limit_has_failed_or_is_pruned() -> None:
    """One that asks whether to prune is pruned within the grace; the other one is ended."""
    study = study_of(pruner=optuna.pruners.NopPruner())
    await optimize(study, objectives.endless, 2, concurrency=2, trial_timeout=3, grace=1.5)
    assert states(study) == ["FAIL", "PRUNED"]
    assert len(study.trials[0].intermediate_values) > 0


async def test_a_wait_that_is_given_up_ends_nothing(tmp_path: Path) -> None:
    """Neither one that takes too long, nor one of several that is cancelled; the handler of interrupts is as it was."""
    before = signal.getsignal(signal.SIGINT)
    study = study_of()
    running = optimize(study, partial(objectives.gated, folder=str(tmp_path)), 2)
    waiting = [asyncio.ensure_future(_awaited(running)) for _ in range(2)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(running, 0.1)
    waiting[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    (tmp_path / "gate").touch()
    assert states(await waiting[1]) == ["COMPLETE", "COMPLETE"]
    assert signal.getsignal(signal.SIGINT) == before


async def test_an_interrupted_optimization_leaves_no_trial_running(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its jobs are cancelled, its trials have failed, and a later call goes on."""
    study = study_of()
    objective = partial(objectives.gated, folder=str(tmp_path))
    before = signal.signal(signal.SIGINT, lambda *_: task.cancel())
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    task = asyncio.ensure_future(_awaited(optimize(study, objective, 4, concurrency=2)))
    await until(lambda: len(list(tmp_path.glob("began-*"))) == 2, 20)
    signal.raise_signal(signal.SIGINT)  # the loop turns it into a cancel of the cell, or of the script
    with pytest.raises(asyncio.CancelledError) as stopped:
        await task
    assert states(study) == ["FAIL", "FAIL"]
    line = "nbqueue: the optimization of study was stopped; its trials that ran have failed"
    assert stopped.value._render_traceback_() == [line]  # type: ignore[attr-defined]
    await until(none_runs)
    (tmp_path / "gate").touch()
    await optimize(study, objective, 1)
    assert states(study) == ["FAIL", "FAIL", "COMPLETE"]


KILLED = """
import sys, optuna
from functools import partial
from nbqueue.evaluators import optimize
from tests.evaluators import objectives
from tests.evaluators.studied import facts, none_runs, states, study_of
storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(sys.argv[1]))
study = optuna.create_study(storage=storage, study_name="kept", sampler=optuna.samplers.RandomSampler(seed=1))
optimize(study, partial(objectives.gated, folder=sys.argv[2]), 4, concurrency=2).wait()
"""


def test_trials_of_a_killed_notebook_are_taken_over(
    tmp_path: Path, module_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their jobs go on, and what they find is told by whoever optimizes the study next, beside its own trials."""
    monkeypatch.setenv("NBQUEUE_URL", str(module_settings.url))
    monkeypatch.setenv("NBQUEUE_HOME", str(module_settings.home))
    journal = tmp_path / "journal"
    command = [sys.executable, "-c", KILLED, str(journal), str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as notebook:
        wait_until(lambda: len(list(tmp_path.glob("began-*"))) == 2, 20)
        notebook.send_signal(signal.SIGKILL)
    backend = JournalFileBackend(str(journal))
    study = optuna.load_study(study_name="kept", storage=optuna.storages.JournalStorage(backend))
    assert states(study) == ["RUNNING", "RUNNING"]
    (tmp_path / "gate").touch()
    optimize(study, partial(objectives.gated, folder=str(tmp_path)), 1).wait()
    assert states(study) == ["COMPLETE", "COMPLETE", "COMPLETE"]


async def test_trials_of_another_machine_are_left_alone() -> None:
    """Nobody here knows whether the process there lives: its trials go on."""
    study = study_of()
    theirs = study.ask()
    mark: Any = ["trial-theirs", "another machine", 1, 0.0]
    study._storage.set_trial_system_attr(theirs._trial_id, JOB_ATTR, mark)
    await optimize(study, objectives.bowl, 1)
    assert states(study) == ["RUNNING", "COMPLETE"]


async def test_an_optimization_may_itself_be_a_job() -> None:
    """Its card then shows how many trials are over, and the best value."""

    async def coordinate() -> list[float]:
        import optuna

        from nbqueue.evaluators import optimize

        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        await optimize(study, lambda trial: trial.suggest_float("x", 0, 1), 5)
        return [each.value or 0.0 for each in study.trials]

    job = await nbqueue.submit(coordinate)
    values = await job
    metrics = await job.metrics()
    assert metrics[metrics["name"] == "best"]["value"].tolist()[-1] == pytest.approx(min(values), rel=1e-6)


async def test_several_objectives_and_async_ones() -> None:
    """A study may have more than one direction; the objective may be a coroutine function."""

    async def both(trial: Any) -> tuple[float, float]:
        import asyncio

        x = trial.suggest_float("x", 0, 2)
        await asyncio.sleep(0)
        return x, (x - 2) ** 2

    study = study_of(optuna.samplers.NSGAIISampler(seed=1), directions=["minimize", "minimize"])
    await optimize(study, both, 4, concurrency=2)
    assert [each.values for each in study.trials] == [[x, (x - 2) ** 2] for x in (t.params["x"] for t in study.trials)]


async def test_advice_is_given_where_trials_would_be_alike() -> None:
    """TPE without constant_liar chooses for trials at once as if these were not there."""
    study = study_of(optuna.samplers.TPESampler(seed=1, constant_liar=False))
    with pytest.warns(UserWarning, match=r"create the study with TPESampler\(constant_liar=True\)"):
        optimize(study, objectives.bowl, 0, concurrency=2)


async def test_what_cannot_be_meant_is_refused_at_once() -> None:
    """In one sentence, before a trial begins."""
    study = study_of()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"study": "s"}, "study='s' cannot be optimized: give what optuna.create_study() made."),
        ({"n_trials": -1}, "n_trials=-1 cannot be used: give a whole number from 0 to 1,000,000,000."),
        ({"concurrency": 0}, "concurrency=0 cannot be used: give a whole number from 1 to 100,000."),
        ({"retries": True}, "retries=True cannot be used: give a whole number from 0 to 999."),
        ({"objective": "bowl"}, "objective='bowl' cannot be called: give a function of a trial."),
        ({"callbacks": 5}, "callbacks=5 cannot be called: give functions of the study and of a trial that is over."),
        ({"n_jobs": 2}, "optimize does not take 'n_jobs': it is called concurrency= here."),
        ({"callback": print}, "optimize does not take 'callback': it is called callbacks= here."),
        ({"time_limit": 2}, "optimize does not take 'time_limit': it is called timeout= here."),
        ({"n_trial": 2}, "optimize does not take 'n_trial': did you mean n_trials=?"),
        (
            {"priority": "soon"},
            'priority=\'soon\' cannot be used: give "high", "normal", "low" or an integer from -99 to 99.',
        ),
    ]
    for given, sentence in cases:
        with pytest.raises(ConfigurationError) as refused:
            optimize(**{"study": study, "objective": objectives.bowl, **given})
        assert str(refused.value) == sentence
    assert study.trials == []


async def _awaited(pending: Any) -> Any:
    return await pending
