"""What one job of a search runs: a fit and its score, with progress where the estimator tells of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbqueue.inside.reporting import progress


class FitFailed(Exception):
    """A fit that raised, and was to be scored with `error_score`; `result` is what scikit-learn makes of it.

    The estimator is left out.
    """

    def __init__(self, message: str, result: dict[str, Any]) -> None:
        super().__init__(message, result)
        self.result = result

    def __str__(self) -> str:
        return str(self.args[0])


def fit(
    parameters: Mapping[str, Any] | None,
    function: Callable[..., dict[str, Any]],
    config: Mapping[str, Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> dict[str, Any]:
    """Scikit-learn's own fit and score of one candidate on one split.

    Args:
        parameters: of the candidate; None: the estimator's own.
        function: scikit-learn's, that fits and scores.
        config: scikit-learn's configuration where the search was begun.
        args: the estimator and the data.
        kwargs: the split, the scorer, and so on.

    Raises:
        FitFailed: the estimator raised, and `error_score` is a number.
    """
    from joblib import parallel_config
    from sklearn import config_context

    estimator = args[0]
    with config_context(**config), parallel_config(backend="sequential"):
        tells = _set_callbacks(estimator)
        result = function(*args, **kwargs, parameters=parameters)
        if tells:
            estimator.set_callbacks()
    if result.get("fit_error"):
        raise _failed(result)
    return result


class FitProgress:
    """A callback of scikit-learn 1.9 that reports the steps and iterations of a fit as the progress of its job."""

    #: how deep it follows estimators within estimators; None: as deep as they go
    max_propagation_depth: int | None = None

    def __init__(self) -> None:
        self._done = 0

    def setup(self, estimator: Any, context: Any) -> None:
        """The fit begins."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """The fit has ended."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """A step begins."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """A step has ended: the bar goes by those of the outermost estimator, the message names the innermost."""
        del estimator
        whole, *steps = _way(context)
        if steps:
            outer, inner = steps[0], steps[-1]
            self._done = outer.task_id + (1 if inner is outer else 0)
            message = f"{inner.estimator_name}: {inner.task_name} {inner.task_id + 1}"
            progress(self._done, whole.max_subtasks, message)
        elif self._done:  # a solver needs fewer iterations than it may have
            progress(self._done, self._done)


def _way(context: Any) -> list[Any]:
    """The tasks from the whole fit down to this one."""
    found: list[Any] = []
    while context is not None:
        found.insert(0, context)
        context = context.parent
    return found


def _set_callbacks(estimator: Any) -> bool:
    """Have the estimator tell of its steps, where it can (scikit-learn 1.9); whether it does."""
    if not hasattr(estimator, "set_callbacks"):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one whose solver tells nothing says so
        estimator.set_callbacks(FitProgress())
    return True


def _failed(result: dict[str, Any]) -> FitFailed:
    traceback = str(result["fit_error"]).rstrip()
    # half fitted it may be large, and an error that is too large is sent as text alone
    told = {name: value for name, value in result.items() if name != "estimator"}
    error = FitFailed(traceback.rpartition("\n")[2], told)
    error.add_note(traceback)
    return error
