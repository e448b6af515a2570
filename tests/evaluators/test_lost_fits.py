"""Searches of scikit-learn whose fits are cancelled, crash, or take too long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from nbqueue import JobCancelled, attach, jobs
from nbqueue.evaluators import cross_validate, fits_frame, search
from nbqueue.model.job_options import JobOptions
from tests.waiting import wait_until
from tests.workers import Ledger

pytestmark = [
    pytest.mark.usefixtures("connected"),
    pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite"),
]
X, Y = load_iris(return_X_y=True)
#: less than the one fit takes that it is for
LIMIT: JobOptions = {"timeout": 0.5, "grace": 0}


def test_who_cancels_the_fits_ends_the_search(
    guesses: Callable[..., GridSearchCV], ledger: Ledger, tmp_path: Path
) -> None:
    """Fits that are cancelled end the search with JobCancelled; they are no failures of the estimator."""
    under_way = search(guesses(gate=True), X, Y)
    ledger.wait("fit", times=2)
    jobs.where(state=("running", "queued")).wait().cancel().wait()
    with pytest.raises(JobCancelled):
        under_way.wait()
    (tmp_path / "gate").touch()


def test_a_search_is_cancelled_by_what_it_gave(
    guesses: Callable[..., GridSearchCV], ledger: Ledger, tmp_path: Path
) -> None:
    """Its fits are cancelled, those that wait and those that run, and who waits for it has JobCancelled."""
    under_way = search(guesses(gate=True), X, Y)
    ledger.wait("fit", times=2)
    under_way.cancel()
    with pytest.raises(JobCancelled):
        under_way.wait()
    wait_until(lambda: not jobs.where(state=("queued", "running")).wait())
    validating = cross_validate(guesses(gate=True).estimator, X, Y, cv=3, force=True)
    validating.cancel()
    with pytest.raises(JobCancelled):
        validating.wait()
    (tmp_path / "gate").touch()


@pytest.mark.parametrize(("wrong", "options", "error"), [("late", LIMIT, "JobTimeout: "), ("die", {}, "JobCrashed: ")])
def test_a_lost_fit_is_a_failed_fit(
    guesses: Callable[..., GridSearchCV], wrong: str, options: JobOptions, error: str
) -> None:
    """A crash and a time limit are what scikit-learn calls a fit that failed; where all have, it says why."""
    asked = guesses(wrong).set_params(param_grid={"guess": [1]}, cv=[([*range(100)], [*range(100, 150)])])
    with pytest.raises(ValueError, match=f"(?s)All the 1 fits failed.*{error}"):
        search(asked, X, Y, **options).wait()


@pytest.mark.slow
def test_lost_fits_are_told_of_once(guesses: Callable[..., GridSearchCV]) -> None:
    """The warning has one block for all that were lost in the same way, without the ids of their jobs."""
    with pytest.warns(FitFailedWarning) as warned:
        found = search(guesses("die", refit=False).set_params(param_grid={"guess": [0, 1]}), X, Y).wait()
    text = str(next(each.message for each in warned if each.category is FitFailedWarning))
    lost = "JobCrashed: The job of the fit (GridSearchCV Noted) crashed: its process ended itself with exit code 3."
    assert ("3 fits failed with the following error:" in text, text.count("Traceback"), lost in text) == (True, 1, True)
    assert all(attach(job).wait().id in error for job, error in fits_frame(found)[["job", "error"]].dropna().to_numpy())
