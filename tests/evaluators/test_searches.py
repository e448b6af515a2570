"""Searches of scikit-learn whose fits are jobs: the serial numbers, done once, with failures that are seen."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - brings it
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.model_selection import cross_validate as serial_cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from nbqueue import ConfigurationError, JobFailed, State, attach, jobs, submit
from nbqueue.client.items import Items
from nbqueue.evaluators import cross_validate, fits_frame, results_frame, search
from nbqueue.evaluators.fit_backend import Wanted
from nbqueue.model.settings import Settings
from tests.evaluators.estimators import HalfFitted, Threaded
from tests.source import ROOT
from tests.waiting import wait_until
from tests.workers import Ledger

pytestmark = [
    pytest.mark.usefixtures("connected"),
    pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite"),
]
X, Y = load_iris(return_X_y=True)
GRID = {"C": [0.1, 1.0], "gamma": [0.01, 0.1]}
LOGISTIC = {"logisticregression__C": [0.1, 1.0]}
SEARCHES: dict[str, Callable[[], Any]] = {
    "grid": lambda: GridSearchCV(SVC(), GRID, cv=3, scoring=["accuracy", "f1_macro"], refit="accuracy"),
    "random": lambda: RandomizedSearchCV(SVC(), GRID, n_iter=3, cv=3, random_state=0, return_train_score=True),
    "halving": lambda: HalvingGridSearchCV(SVC(), GRID, cv=3, random_state=0),
    "logistic": lambda: GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), LOGISTIC, cv=3),
}


def lasting(found: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the clock."""
    return {name: each for name, each in found.items() if "time" not in name}


@pytest.mark.parametrize("name", list(SEARCHES))
def test_a_search_gives_the_serial_numbers(name: str) -> None:
    """Scores, ranks, the best parameters and the best estimator are those of a serial run, to the bit."""
    serial = SEARCHES[name]().fit(X, Y)
    found = search(SEARCHES[name](), X, Y).wait()
    np.testing.assert_equal(lasting(found.cv_results_), lasting(serial.cv_results_))
    assert (found.best_params_, found.best_score_) == (serial.best_params_, serial.best_score_)
    np.testing.assert_array_equal(found.predict(X), serial.predict(X))


def test_a_validation_gives_the_serial_numbers() -> None:
    """`cross_validate` gives what scikit-learn's own gives, with estimators and indices where they are asked for."""
    asked: dict[str, Any] = {"cv": 3, "return_train_score": True, "return_estimator": True, "return_indices": True}
    serial = serial_cross_validate(SVC(), X, Y, scoring=["accuracy", "f1_macro"], **asked)
    found = cross_validate(SVC(), X, Y, scoring=["accuracy", "f1_macro"], **asked).wait()
    assert list(found) == list(serial)
    estimators = [[each.support_ for each in one.pop("estimator")] for one in (found, serial)]
    np.testing.assert_equal((lasting(found), estimators[0]), (lasting(serial), estimators[1]))
    assert list(results_frame(found)["test_accuracy"]) == list(serial["test_accuracy"])


def test_a_fit_that_failed_gives_its_estimator_unfitted() -> None:
    """However large it had grown, its score is `error_score`, and the other fits have their own."""
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 3"):
        found = cross_validate(HalfFitted(), X, Y, cv=3, error_score=0.0, return_estimator=True).wait()
    assert [score > 0 for score in found["test_score"]] == [False, True, True]
    assert [hasattr(each, "grown_") for each in found["estimator"]] == [False, True, True]


async def test_a_search_is_awaited_like_any_verb(guesses: Callable[..., GridSearchCV]) -> None:
    """`await search(...)` gives the fitted search itself; a table has a row for each candidate."""
    asked = guesses(refit=False)
    found = await search(asked, X, Y)
    assert found is asked
    assert results_frame(found)[["param_guess", "mean_test_score"]].to_dict("list") == {
        "param_guess": [0, 1, 2],
        "mean_test_score": [pytest.approx(1 / 3)] * 3,
    }


def test_a_search_may_run_in_a_job() -> None:
    """A job may search: its fits are jobs of their own, and its slot is free for them."""

    def best() -> Any:
        return search(GridSearchCV(SVC(), GRID, cv=2), X, Y).wait().best_params_

    assert submit(best).wait().wait() == GridSearchCV(SVC(), GRID, cv=2).fit(X, Y).best_params_


def test_what_was_done_is_not_done_again(guesses: Callable[..., GridSearchCV], ledger: Ledger) -> None:
    """A second search takes the fits of the first, and makes only those that a larger grid adds."""
    first = search(guesses(refit=False), X, Y).wait()
    asked = guesses(refit=False).set_params(param_grid={"guess": [3, 2, 1, 0]})
    second = search(asked, X, Y).wait()
    assert [line.name for line in ledger.lines("fit")].count("3") == 3
    assert len(ledger.lines("fit")) == 12
    kept = fits_frame(second).query("param_guess < 3").sort_values(["param_guess", "split"])
    assert list(kept["job"]) == list(fits_frame(first)["job"])


def test_other_data_are_other_fits(guesses: Callable[..., GridSearchCV], ledger: Ledger) -> None:
    """With other data, or with `force=True`, all fits are made."""
    for given, data in (({}, X), ({}, X + 1), ({"force": True}, X)):
        search(guesses(refit=False), data, Y, **given).wait()  # type: ignore[arg-type]
    assert len(ledger.lines("fit")) == 27


def test_a_killed_program_has_lost_nothing(
    guesses: Callable[..., GridSearchCV], ledger: Ledger, module_settings: Settings, tmp_path: Path
) -> None:
    """After the program of a search was killed half way, a second run makes no fit that the first had begun."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "NBQUEUE_URL": str(module_settings.url),
        "NBQUEUE_HOME": str(module_settings.home),
    }  # fmt: skip
    command = [sys.executable, "-c", "from tests.evaluators.estimators import main; main()"]
    program = subprocess.Popen([*command, str(ledger.path), str(tmp_path / "gate")], env=environment)
    ledger.wait("fit", times=2, timeout_s=60)
    program.kill()
    program.wait()
    (tmp_path / "gate").touch()
    found = search(guesses(gate=True, refit=False), X, Y).wait()
    assert sorted(line.name for line in ledger.lines("fit")) == sorted("012" * 3)
    np.testing.assert_allclose(found.cv_results_["mean_test_score"], 1 / 3)


def test_a_fit_that_fails_is_a_failed_job(guesses: Callable[..., GridSearchCV]) -> None:
    """Its score is `error_score`, as in a serial run; its job has failed with the error of the estimator."""
    serial, asked = guesses("raise", refit=False), guesses("raise", refit=False)
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        serial.fit(X, Y)
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        found = search(asked, X, Y).wait()
    np.testing.assert_equal(lasting(found.cv_results_), lasting(serial.cv_results_))
    failed = fits_frame(found).query("error.notna()")
    assert list(failed["error"]) == ["ValueError: guess 1 is not allowed"] * 3
    assert {attach(job).wait().state().wait() for job in failed["job"]} == {State.FAILED}
    with pytest.raises(JobFailed) as caught:
        attach(failed["job"].iloc[0]).wait().wait()
    assert 'raise ValueError("guess 1 is not allowed")' in caught.value.remote_traceback


def test_only_what_failed_is_made_again(guesses: Callable[..., GridSearchCV], ledger: Ledger) -> None:
    """A second run makes the fits again that have failed, and no other."""
    with pytest.warns(FitFailedWarning):
        search(guesses("raise", refit=False), X, Y).wait()
    ledger.path.with_name("ledger.mended").touch()
    found = search(guesses("raise", refit=False), X, Y).wait()
    assert sorted(line.name for line in ledger.lines("fit")) == sorted("012" * 3 + "1" * 3)
    assert list(fits_frame(found)["error"]) == [None] * 9


def test_a_search_may_end_with_the_first_error(guesses: Callable[..., GridSearchCV]) -> None:
    """With `error_score="raise"` the estimator's own error ends the search, and what waits leaves the queue."""
    with pytest.raises(ValueError, match=r"^guess 1 is not allowed$") as caught:
        search(guesses("raise", "raise"), X, Y).wait()
    assert len(traceback.format_exception(caught.value)) < 40
    assert not any("sklearn" in str(each.path) for each in caught.traceback)
    wait_until(lambda: not jobs.where(state=("queued", "running")).wait())


@pytest.mark.parametrize(
    ("estimator", "steps", "message"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression()), {2}, "LogisticRegression: "),
        (LogisticRegression(), range(5, 101), "LogisticRegression: lbfgs-iter "),
    ],
)
def test_a_fit_reports_its_steps(estimator: Any, steps: Any, message: str) -> None:
    """The bar goes by the steps of a pipeline, or by the iterations of a solver, as scikit-learn tells of them."""
    fits = fits_frame(search(GridSearchCV(estimator, {}, cv=2, refit=False), X, Y).wait())
    found = attach(fits["job"].iloc[0]).wait().info().wait().progress
    assert found is not None
    assert (found.done in steps, found.total, found.message[: len(message)]) == (True, found.done, message)


def test_callbacks_of_the_search_hear_of_its_fits() -> None:
    """A callback that was set on the search is told of each fit when that has ended."""
    told: list[str] = []

    class Hears:
        def setup(self, context: Any, **_: Any) -> None:
            told.append(f"setup {context.task_name}")

        def teardown(self, context: Any, **_: Any) -> None:
            told.append(f"teardown {context.task_name}")

        def on_fit_task_begin(self, _: Any, context: Any) -> None:
            del context

        def on_fit_task_end(self, _: Any, context: Any) -> None:
            told.append(context.task_name)

    search(clone(SEARCHES["grid"]()).set_params(refit=False).set_callbacks(Hears()), X, Y).wait()
    assert (told.count("candidate-split-evaluation"), told[0], told[-1]) == (12, "setup fit", "teardown fit")


def test_what_is_no_search_is_refused() -> None:
    """Wrong arguments are told in a sentence, before anything is submitted."""
    with pytest.raises(ConfigurationError, match=r"^search takes a search of scikit-learn, and got SVC\(\): give a "):
        search(SVC(), X, Y)
    with pytest.raises(
        ConfigurationError, match=r"^cross_validate does not take 'n_jobs': it is called concurrency= here"
    ):
        cross_validate(SVC(), X, Y, n_jobs=2)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match=r"^search does not take 'colour': "):
        search(SEARCHES["grid"](), X, Y, colour="red")  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match=r"^results_frame takes a fitted search, or what cross_validate gave"):
        results_frame(SVC())
    with pytest.raises(ConfigurationError, match=r"^fits_frame takes a search that nbqueue's search has fitted"):
        fits_frame(SEARCHES["grid"]())


def test_warnings_stay_with_the_jobs() -> None:
    """What a fit warns of on its worker disturbs nobody here."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(GridSearchCV(LogisticRegression(max_iter=1), {"C": [1.0]}, cv=2, refit=False), X, Y).wait()


def test_a_fit_is_known_by_its_parameters() -> None:
    """The card of a search names the candidate whose fit failed."""
    asked = {"parameters": {"C": 0.1, "gamma": -0.001}, "scorer": None, "caller": object()}
    fit = Wanted(function=len, args=(SVC(), X, Y), kwargs=asked, told=None, future=Future())
    assert fit.call() == ({"C": 0.1, "gamma": -0.001}, len, {}, fit.args, {"scorer": None})
    assert Items(["j1"], [fit.call()]).words(0).startswith("{'C': 0.1, 'gamma': -0.001}, ")


def test_the_best_estimator_is_fitted_as_it_wants() -> None:
    """What it runs in parallel in the last fit, which is made here, runs as without nbqueue."""
    found = search(GridSearchCV(Threaded(), {}, cv=2), X, Y).wait()
    assert found.best_estimator_.ran_on_ == ("ThreadingBackend", 2)
