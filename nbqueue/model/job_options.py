"""The options that other people's interfaces hand on to the jobs they make: `queue=`, `timeout=` and so on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import Duration
from nbqueue.model.options import Isolation, Options, RunIn
from nbqueue.model.other_names import unknown_option
from nbqueue.model.presets import Preset
from nbqueue.model.retry import RetryPolicy


class PlainOptions(TypedDict, total=False):
    """What may be said of any job; the same words as `nbqueue.options` has, and they mean the same."""

    #: which queue
    queue: str | None
    #: "high", "normal", "low", or an integer (more is sooner)
    priority: str | int | None
    #: do not start later than this many seconds after submit
    expires: Duration | None
    #: seconds before the limit at which the code is asked to stop
    grace: Duration | None
    #: a RetryPolicy, or an integer: tries in all
    retry: RetryPolicy | int | None
    #: "pool" (recycled processes) or "fresh" (a new one)
    isolation: Isolation | None
    #: what its processes may use, for example "2GB"
    memory: str | int | None
    #: seconds for which the result is kept
    keep_result: Duration | None
    #: the same for an error
    keep_error: Duration | None
    #: texts to find it by
    tags: Sequence[str] | None
    #: what its card shows
    label: str | None
    #: what a worker must have free for it, for example {"gpu": 1}
    resources: Mapping[str, float] | None
    #: what it must have that is not used up, for example ["site=berlin"]
    labels: Sequence[str] | None
    #: what rate and concurrency count by; the function if not given
    limit_key: str | None
    #: "solver" or "evaluation": options that fit such work, where none are given
    preset: Preset | None


class EvaluationOptions(PlainOptions, total=False):
    """Of the one job of an evaluation, whose rate and concurrency are those of its calls."""

    #: seconds of running time
    timeout: Duration | None


class TrialOptions(PlainOptions, total=False):
    """Of each trial of a study, whose `timeout` and `concurrency` are the study's."""

    #: "process" (sync functions), "async" (coroutine functions) or "thread"
    run_in: RunIn | None
    #: starts in a time over all workers: "20/min"
    rate: str | None


class JobOptions(PlainOptions, total=False):
    """Of jobs that are made for somebody else's calls."""

    #: seconds of running time
    timeout: Duration | None
    #: "process" (sync functions), "async" (coroutine functions) or "thread"
    run_in: RunIn | None
    #: starts in a time over all workers: "20/min"
    rate: str | None
    #: how many run at once over all workers
    concurrency: int | None
    #: seconds for which the result of the same function and arguments is taken
    cache: Duration | None
    #: True makes a new job where `cache` would give another's
    force: bool | None


def given_options(
    given: Mapping[str, Any],
    what: str,
    allowed: type[PlainOptions] = JobOptions,
    *,
    of: Callable[..., Any] | None = None,
) -> dict[str, Any]:
    """The options that were given, without those that are None. Raises for one that is not allowed.

    Args:
        given: by their names.
        what: takes them: the beginning of a sentence.
        allowed: names them.
        of: the function that takes them; its other arguments may be what was meant.
    """
    options = list(allowed.__annotations__)
    unknown = [name for name in given if name not in options]
    if "options" in unknown:
        raise ConfigurationError(
            f"{what} takes the options of its jobs as they are, and not in options=: {options[0]}=..., "
            f"{options[1]}=... and so on."
        )
    if unknown:
        # an option of other jobs is no slip for another word
        known = [] if unknown[0] in Options.__dataclass_fields__ else [*_own_names(of), *options]
        told = [*_own_names(of, with_default=True), *options]
        raise unknown_option(f"{what} does not take {{}}", unknown[0], known, "its options are", told=told)
    return {name: value for name, value in given.items() if value is not None}


def _own_names(fn: Callable[..., Any] | None, *, with_default: bool = False) -> list[str]:
    """The arguments of a function that are given by name; with `with_default` those that need not be given."""
    if fn is None:
        return []
    of_one = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    found = inspect.signature(fn).parameters.values()
    return [
        each.name
        for each in found
        if each.kind in of_one and each.name != "self" and not (with_default and each.default is each.empty)
    ]
