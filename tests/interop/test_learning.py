"""What scikit-learn gives on the workers is what it gives serially."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - brings it
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.svm import SVC

import nbqueue.joblib  # noqa: F401 - registers the backend
from nbqueue import jobs

GRID = {"C": [0.1, 1.0], "gamma": [0.01, 0.1]}
RUNS: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "grid": lambda x, y: GridSearchCV(SVC(), GRID, cv=3).fit(x, y).cv_results_,
    "halving": lambda x, y: HalvingGridSearchCV(SVC(), GRID, cv=3, random_state=0).fit(x, y).cv_results_,
    "validate": lambda x, y: cross_validate(SVC(), x, y, scoring=["accuracy", "f1_macro"], return_train_score=True),
    "forest": lambda x, y: vars(RandomForestClassifier(n_estimators=6, random_state=0).fit(x, y)),
}


@pytest.mark.parametrize("name", list(RUNS))
def test_scikit_learn_gives_the_same_numbers(name: str) -> None:
    """Searches, halving searches, validations and forests give the same to the bit."""
    x, y = load_iris(return_X_y=True)
    serial = RUNS[name](x, y)
    with parallel_config(backend="nbqueue"):
        found = RUNS[name](x, y)
    np.testing.assert_equal(_lasting(found), _lasting(serial))
    assert name == "forest" or jobs.where(function="_fit_and_score", state="succeeded").wait()


def _lasting(found: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the clock; of a forest's trees their values."""
    kept = {name: each for name, each in found.items() if "time" not in name and "estimator" not in name}
    return {**kept, "trees": [tree.tree_.value for tree in found.get("estimators_", [])]}
