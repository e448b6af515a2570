"""The options that other people's interfaces hand on to the jobs they make: `queue=`, `timeout=` and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from nbqueue.model.durations import Duration
from nbqueue.model.options import Isolation, RunIn
from nbqueue.model.other_names import unknown_option
from nbqueue.model.presets import Preset
from nbqueue.model.retry import RetryPolicy


class JobOptions(TypedDict, total=False):
    """What may be said of each job; the same words as `nbqueue.options` has, and they mean the same."""

    #: which queue
    queue: str | None
    #: "high", "normal", "low", or an integer (more is sooner)
    priority: str | int | None
    #: do not start later than this many seconds after submit
    expires: Duration | None
    #: seconds of running time
    timeout: Duration | None
    #: seconds before the limit at which the code is asked to stop
    grace: Duration | None
    #: a RetryPolicy, or an integer: tries in all
    retry: RetryPolicy | int | None
    #: "process" (sync functions), "async" (coroutine functions) or "thread"
    run_in: RunIn | None
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
    #: what rate and concurrency count by; the function if not given
    limit_key: str | None
    #: starts in a time over all workers: "20/min"
    rate: str | None
    #: how many run at once over all workers
    concurrency: int | None
    #: seconds for which the result of the same function and arguments is taken
    cache: Duration | None
    #: True makes a new job where `cache` would give another's
    force: bool | None
    #: "solver" or "evaluation": options that fit such work, where none are given
    preset: Preset | None


def given_options(given: Mapping[str, Any], what: str, own: Sequence[str] = ()) -> dict[str, Any]:
    """The options that were given, without those that are None. Raises for one that `what` does not take.

    Args:
        given: the options by their names.
        what: takes them; the beginning of a sentence.
        own: names of arguments of its own, one of which may have been meant.
    """
    unknown = [name for name in given if name not in JobOptions.__annotations__]
    if unknown:
        known = (*own, *JobOptions.__annotations__)
        raise unknown_option(f"{what} does not take {{}}", unknown[0], known, "its options are")
    return {name: value for name, value in given.items() if value is not None}
