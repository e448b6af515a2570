"""`search` and `cross_validate`: scikit-learn's, with each fit a job that is done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from nbqueue.errors import ConfigurationError, JobError
from nbqueue.evaluators.cancelling import Cancelling
from nbqueue.evaluators.extras import load
from nbqueue.model.job_options import JobOptions, given_options
from nbqueue.model.names import shown
from nbqueue.model.submitting import Undertaking, door

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")

#: seconds for which a fit that was done is not done again
KEPT_S = 86_400.0
#: where a search that was fitted keeps how its fits went
FITS = "fits_"


def search(
    search: T,
    x: Any,
    y: Any = None,
    *,
    fit_params: Mapping[str, Any] | None = None,
    **given: Unpack[JobOptions],
) -> Undertaking[T]:
    """Fit a search of scikit-learn, each fit a job: the numbers are those of `search.fit(x, y)`, to the bit.

    A fit is known by what it computes (estimator, parameters, data, split, scoring): one that was done within `cache=`
    (a day if not given) or is under way is taken and not made again, also after this process was killed. What has
    failed is made again. A time limit or a crash counts as a failure of the fit, which `error_score` stands for.

    Args:
        search: a GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV or HalvingRandomSearchCV; it is fitted itself.
        x: the data.
        y: the target.
        fit_params: what else its `fit` takes, for example {"sample_weight": weights} or {"groups": groups}.
        given: options of each job, as `nbqueue.options` has them: queue=, priority=, timeout=, cache=, force= ...

    Returns:
        The search, fitted; `results_frame` and `fits_frame` make tables of it. The best estimator is fitted here.
        `.cancel()` of what this gives cancels the fits, and who waits for it has JobCancelled.
    """
    load("sklearn", "evaluation", "search")
    if not hasattr(search, "_run_search") or not hasattr(search, "fit"):
        raise ConfigurationError(
            f"search takes a search of scikit-learn, and got {shown(search)}: give a GridSearchCV, RandomizedSearchCV "
            "or one of the halving searches."
        )
    options = _options(given, "search")
    name = f"{type(search).__name__} {type(getattr(search, 'estimator', None)).__name__}"
    cancelling = Cancelling()

    def act() -> T:
        from nbqueue.evaluators.fit_backend import FitBackend

        backend = FitBackend(options, name, cancelling)
        fits: Any = search
        _within(backend, lambda: fits.fit(x, y, **(fit_params or {})))
        setattr(search, FITS, tuple(backend.fits))
        return search

    return door().begin(act, f"The search {name}", cancel=cancelling.ask)


def cross_validate(
    estimator: Any,
    x: Any,
    y: Any = None,
    *,
    cv: Any = None,
    scoring: Any = None,
    groups: Any = None,
    fit_params: Mapping[str, Any] | None = None,
    return_train_score: bool = False,
    return_estimator: bool = False,
    return_indices: bool = False,
    error_score: Any = None,
    **given: Unpack[JobOptions],
) -> Undertaking[dict[str, Any]]:
    """Scikit-learn's `cross_validate`, each fit a job that is done once, as with `search`.

    Args:
        estimator: what is fitted.
        x: the data.
        y: the target.
        cv: the splits, as scikit-learn takes them.
        scoring: one scorer or several, as scikit-learn takes them.
        groups: of the samples, for splits that keep them together.
        fit_params: what else is handed to `fit`: scikit-learn's `params`.
        return_train_score: score on the training sets too.
        return_estimator: give the fitted estimators.
        return_indices: give the indices of the splits.
        error_score: the score of a fit that failed; "raise", or a number; NaN if not given.
        given: options of each job.

    Returns:
        The scores and times by name, an array each, as scikit-learn's own; `results_frame` makes a table of it.
    """
    validation = load("sklearn.model_selection", "evaluation", "cross_validate")
    options = _options(given, "cross_validate")
    name = f"cross_validate {type(estimator).__name__}"
    cancelling = Cancelling()

    def act() -> dict[str, Any]:
        from nbqueue.evaluators.fit_backend import FitBackend

        found: dict[str, Any] = _within(
            FitBackend(options, name, cancelling),
            lambda: validation.cross_validate(
                estimator, x, y, cv=cv, scoring=scoring, groups=groups, params=fit_params,
                return_train_score=return_train_score, return_estimator=return_estimator,
                return_indices=return_indices, error_score=float("nan") if error_score is None else error_score,
            ),
        )  # fmt: skip
        return found

    return door().begin(act, name[:1].upper() + name[1:], cancel=cancelling.ask)


def results_frame(found: Any) -> DataFrame:
    """What a search or `cross_validate` gave as a pandas frame: one row a candidate, or one a split."""
    import pandas as pd

    results = getattr(found, "cv_results_", found)
    if not isinstance(results, Mapping):
        raise ConfigurationError(
            f"results_frame takes a fitted search, or what cross_validate gave, and got {shown(found)}."
        )
    return pd.DataFrame({name: list(values) for name, values in results.items() if name != "indices"})


def fits_frame(found: Any) -> DataFrame:
    """The fits of a search that `search` has fitted as a pandas frame: one row a fit, with its job and its error."""
    import pandas as pd

    if not hasattr(found, FITS):
        raise ConfigurationError(f"fits_frame takes a search that nbqueue's search has fitted, and got {shown(found)}.")
    rows = [
        {"candidate": each.candidate, "split": each.split, **_named(each.parameters), "job": each.job_id,
         "error": each.error or None}
        for each in getattr(found, FITS)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.sort_values(["candidate", "split"], kind="stable", ignore_index=True) if rows else frame


def _named(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {f"param_{name}": value for name, value in parameters.items()}


def _options(given: Mapping[str, Any], what: str) -> dict[str, Any]:
    takes: Mapping[str, Callable[..., Any]] = {"search": search, "cross_validate": cross_validate}
    options = {"cache": KEPT_S, **given_options(given, what, of=takes[what])}
    door().options(options)  # says at once what is wrong with one
    return options


def _within(backend: Any, act: Any) -> Any:
    """What `act()` gives, with the fits of the estimators that it calls made by the backend."""
    from joblib import parallel_config

    config = parallel_config(backend=backend, n_jobs=-1)
    backend.leave = config.unregister
    try:
        with config:
            return act()
    except BaseException as error:
        if isinstance(error, JobError) or isinstance(error.__cause__, JobError):
            error.__traceback__ = None  # of how scikit-learn and joblib waited: what counts is the fit's own
        raise
