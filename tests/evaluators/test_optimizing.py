"""An optimization under way: it needs nobody who waits, is stopped and cancelled, and keeps what trials had found."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import optuna
import pytest

import nbqueue
from nbqueue.client.known import jobs
from nbqueue.errors import ConfigurationError, JobFailed
from nbqueue.evaluators import optimize
from nbqueue.evaluators.left_trials import JOB_ATTR
from nbqueue.evaluators.notice import short_name
from nbqueue.evaluators.trial_failure import so_far
from tests.evaluators import objectives
from tests.evaluators.studied import none_runs, states, study_of
from tests.waiting import until, wait_until

pytestmark = pytest.mark.usefixtures("connected")
optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_it_begins_when_it_is_called() -> None:
    """Nobody needs to wait for it; `.wait()` gives the study, also later."""
    study = study_of()
    optimizing = optimize(study, objectives.bowl, 2)
    wait_until(optimizing.done, 20)
    assert set(states(study)) <= {"COMPLETE", "PRUNED"}
    assert optimizing.wait() is study
    assert repr(optimizing).startswith("<Optimizing study: 2 of 2 trials, ")


def test_a_wait_that_takes_too_long_ends_nothing(tmp_path: Path) -> None:
    """The study goes on, and has one optimization at a time."""
    study = study_of()
    optimizing = optimize(study, partial(objectives.gated, folder=str(tmp_path)), 1)
    with pytest.raises(TimeoutError):
        optimizing.wait(0.1)
    with pytest.raises(ConfigurationError, match=r"^This study is being optimized here already: "):
        optimize(study, objectives.bowl, 1)
    (tmp_path / "gate").touch()
    assert states(optimizing.wait(20)) == ["COMPLETE"]
    assert states(optimize(study, objectives.bowl, 1).wait(20))[0] == "COMPLETE"


def test_without_a_number_it_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    """As in optuna; `.stop()` waits for trials that run."""
    study = study_of()
    optimizing = optimize(study, partial(objectives.gated, folder=str(tmp_path)))
    (tmp_path / "gate").touch()
    wait_until(lambda: len(study.trials) > 3, 20)
    optimizing.stop()
    assert set(states(optimizing.wait(20))) == {"COMPLETE"}


async def test_a_cancelled_one_gives_the_study_as_it_is(tmp_path: Path) -> None:
    """Its trials have failed, with the parameters that they had, and no job of them runs."""
    study = study_of()
    optimizing = optimize(study, partial(objectives.gated, folder=str(tmp_path)), concurrency=2)
    await until(lambda: _are_kept(study, 2), 20)
    optimizing.cancel()
    assert states(await optimizing) == ["FAIL", "FAIL"]
    assert [each.params.keys() for each in study.trials] == [{"x"}, {"x"}]
    await until(none_runs)
    assert repr(optimizing) == "<Optimizing study: 2 trials, 2 failed, cancelled>"


def test_one_that_fails_says_so(tmp_path: Path) -> None:
    """Also to those who do not wait for it."""

    def failing(trial: Any) -> float:
        if trial.number == 1:
            raise KeyError("no")
        return 0.5

    (tmp_path / "gate").touch()
    optimizing = optimize(study_of(), failing, 5)
    wait_until(optimizing.done, 20)
    assert repr(optimizing).startswith("<Optimizing study: 2 of 5 trials, 1 failed, best 0.5, ended by JobFailed: ")
    with pytest.raises(JobFailed):
        optimizing.wait()


def test_an_interrupted_script_leaves_no_trial_running(tmp_path: Path) -> None:
    """Ctrl-C ends the trials that run, as in optuna, and says so in a line."""
    study = study_of()
    optimizing = optimize(study, partial(objectives.gated, folder=str(tmp_path)), 2)

    def interrupt() -> None:
        wait_until((tmp_path / "began-0").exists, 20)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=interrupt)
    pressing.start()
    with pytest.raises(KeyboardInterrupt) as stopped:
        optimizing.wait()
    pressing.join()
    line = "nbqueue: the optimization of study was stopped; its trials that ran have failed"
    assert stopped.value._render_traceback_() == [line]  # type: ignore[attr-defined]
    assert (states(study), optimizing.wait() is study) == (["FAIL"], True)


async def test_trials_that_were_lost_keep_what_they_had_found(tmp_path: Path) -> None:
    """Parameters, values and attributes of one whose process was killed, again and again."""
    folder = tmp_path

    def lost(trial: Any) -> float:
        x: float = trial.suggest_float("x", 0, 1)
        attempt = getattr(nbqueue.current_job(), "attempt", 0)
        trial.report(x, 0)
        trial.set_user_attr("seen", attempt)
        while not (folder / f"gate-{attempt}").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
        return x

    study = study_of()
    optimizing = optimize(study, lost, 1)
    for attempt in (1, 2, 3):
        await until(lambda: _are_kept(study, 1, {"seen": attempt}), 20)  # noqa: B023 - waited for here
        (folder / f"gate-{attempt}").touch()
    await optimizing
    assert states(study) == ["FAIL"]
    [trial] = study.trials
    x = trial.params["x"]
    assert (trial.intermediate_values, trial.user_attrs) == ({0: x}, {"seen": 3})
    assert study.trials_dataframe()["params_x"].tolist() == [x]


async def test_labels_and_lines_have_room_for_long_names() -> None:
    """Of a long name there are both ends, and of one that optuna made up nothing."""
    study = study_of(study_name="a very long name of a study that nobody wants to read " * 5 + "end")
    await optimize(study, objectives.bowl, 1)
    [record] = (await jobs.where(function="run_trial", limit=1)).records
    assert record.label == "a very long name of …y wants to read end trial 0"
    assert (short_name("short"), short_name(study_of().study_name)) == ("short", "study")


async def test_trials_that_report_share_their_processes() -> None:
    """What keeps their values leaves nothing behind, so a process is not made anew for each."""

    def reporting(trial: Any) -> float:
        for step in range(3):
            trial.report(step, step)
            trial.suggest_float(f"x{step}", 0, 1)
        trial.set_user_attr("pid", os.getpid())
        return float(trial.suggest_float("x", 0, 1))

    study = study_of()
    await optimize(study, reporting, 4)
    assert len({each.user_attrs["pid"] for each in study.trials}) == 1


async def _are_kept(study: optuna.Study, count: int, attrs: Mapping[str, Any] = MappingProxyType({})) -> bool:
    """Whether so many trials run, and the server knows what each has chosen, and these attributes."""
    found = [await so_far(each.system_attrs[JOB_ATTR][0]) for each in study.trials if JOB_ATTR in each.system_attrs]
    known = [each for each in found if each is not None and each.trial.params]
    return len(known) == count and all(each.trial.user_attrs == attrs for each in known)
