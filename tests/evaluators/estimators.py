"""Estimators of tests: they write down each fit, wait, fail or die as they are told."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin


class Noted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predicts the class that is most frequent, or `guess`; `ledger` gets a line for each fit."""

    def __init__(self, ledger: str = "", guess: int = 0, gate: str = "", wrong: str = "") -> None:
        self.ledger = ledger
        self.guess = guess
        #: each fit waits for this file
        self.gate = gate
        #: "raise", "die" or "late": what goes wrong with the guess 1 unless the file `<gate>.mended` is there
        self.wrong = wrong

    def fit(self, x: Any, y: Any) -> Noted:
        """Write it down, wait, go wrong."""
        with Path(self.ledger).open("a", encoding="utf-8") as file:
            file.write(f"fit {self.guess} {os.getpid()} {time.monotonic()}\n")
        end = time.monotonic() + 30
        while self.gate and not Path(self.gate).exists() and time.monotonic() < end:
            time.sleep(0.01)
        if self.guess == 1 and not Path(f"{self.ledger}.mended").exists():
            self._go_wrong()
        self.classes_ = sorted(set(y))
        self.n_features_in_ = len(x[0])
        return self

    def predict(self, x: Any) -> list[int]:
        """The guess, for each."""
        return [self.guess] * len(x)

    def _go_wrong(self) -> None:
        if self.wrong == "raise":
            raise ValueError("guess 1 is not allowed")
        if self.wrong == "die":
            os._exit(3)
        if self.wrong == "late":
            time.sleep(30)


class HalfFitted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Grows by 2 MB in a fit, and raises where the first flower of iris is not there."""

    def fit(self, x: Any, y: Any) -> HalfFitted:
        """Grow, then maybe raise."""
        self.grown_ = os.urandom(2_000_000)
        if list(x[0]) != [5.1, 3.5, 1.4, 0.2]:
            raise ValueError("half fitted")
        self.classes_ = sorted(set(y))
        return self

    def predict(self, x: Any) -> list[int]:
        """One class for all."""
        return [0] * len(x)


class Threaded(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Knows what a `Parallel` in its last fit ran on."""

    def fit(self, x: Any, y: Any) -> Threaded:
        """Run a few things in threads."""
        parallel = Parallel(n_jobs=2, prefer="threads")
        parallel(delayed(abs)(each) for each in range(3))
        self.ran_on_ = (type(parallel._backend).__name__, parallel.n_jobs)
        self.classes_ = sorted(set(y))
        self.n_features_in_ = len(x[0])
        return self

    def predict(self, x: Any) -> list[int]:
        """The first class, for each."""
        return [0] * len(x)


def main() -> None:
    """A program that begins a search, for tests that kill it."""
    import sys

    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV

    from nbqueue.evaluators import search

    ledger, gate = sys.argv[1:]
    x, y = load_iris(return_X_y=True)
    search(GridSearchCV(Noted(ledger, gate=gate), {"guess": [0, 1, 2]}, cv=3, refit=False), x, y).wait()


if __name__ == "__main__":
    main()
