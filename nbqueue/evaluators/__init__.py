"""Evaluations: a data set behind a rate limit, Optuna studies, notebooks; each loads its library when it is used."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbqueue.evaluators.comparison import Comparison
    from nbqueue.evaluators.evaluation import Evaluation, Sample
    from nbqueue.evaluators.items import evaluate
    from nbqueue.evaluators.notebook_run import NotebookRun
    from nbqueue.evaluators.notebooks import run_notebook
    from nbqueue.evaluators.studies import optimize

__all__ = [
    "Comparison",
    "Evaluation",
    "NotebookRun",
    "Sample",
    "evaluate",
    "optimize",
    "run_notebook",
]

_HOMES = {
    "comparison": ("Comparison",),
    "evaluation": ("Evaluation", "Sample"),
    "items": ("evaluate",),
    "notebook_run": ("NotebookRun",),
    "notebooks": ("run_notebook",),
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
