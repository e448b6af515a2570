"""Evaluations: searches, a data set behind a rate limit, Optuna studies, notebooks; each loads its library on use."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbqueue.evaluators.comparison import Comparison
    from nbqueue.evaluators.evaluation import Evaluation, Sample
    from nbqueue.evaluators.fit_backend import Fit
    from nbqueue.evaluators.fits import FitFailed
    from nbqueue.evaluators.items import evaluate
    from nbqueue.evaluators.notebook_run import NotebookRun
    from nbqueue.evaluators.notebooks import run_notebook
    from nbqueue.evaluators.optimizing import Optimizing
    from nbqueue.evaluators.searches import cross_validate, fits_frame, results_frame, search
    from nbqueue.evaluators.studies import optimize

__all__ = [
    "Comparison",
    "Evaluation",
    "Fit",
    "FitFailed",
    "NotebookRun",
    "Optimizing",
    "Sample",
    "cross_validate",
    "evaluate",
    "fits_frame",
    "optimize",
    "results_frame",
    "run_notebook",
    "search",
]

_HOMES = {
    "comparison": ("Comparison",),
    "evaluation": ("Evaluation", "Sample"),
    "fit_backend": ("Fit",),
    "fits": ("FitFailed",),
    "items": ("evaluate",),
    "notebook_run": ("NotebookRun",),
    "notebooks": ("run_notebook",),
    "optimizing": ("Optimizing",),
    "searches": ("cross_validate", "fits_frame", "results_frame", "search"),
    "studies": ("optimize",),
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
