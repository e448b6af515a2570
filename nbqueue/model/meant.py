"""The name that somebody means who gives one that is not known: as others call it, or the nearest in letters."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

#: what other libraries call these things, each line one thing: our names for it, the one that is meant first
_SAME = (
    (("n_jobs", "max_workers", "concurrency"),
     "workers n_workers num_workers parallelism jobs max_jobs max_concurrency max_concurrent n_parallel processes"),
    (("time_limit", "timeout"), "timelimit time_out max_time max_runtime runtime time_limit_s timeout_s"),
    (("threads", "workers"), "n_threads num_threads nthreads num_search_workers"),
    (("retries", "retry"), "max_retries n_retries num_retries tries max_tries retry_policy attempts max_attempts"),
    (("callbacks", "on_done"), "callback on_end on_success watch"),
    (("rate",), "rate_limit rpm requests_per_minute throttle"),
    (("memory",), "ram mem memory_limit mem_limit"),
    (("resources",), "gpus gpu num_gpus"),
    (("keep_result",), "ttl result_ttl"),
    (("expires",), "expire expiry deadline"),
    (("items",), "dataset data samples"),
    (("task",), "model fn func function solver"),
    (("scorers",), "metric metrics scoring score_fn evaluators"),
    (("n_trials",), "trials num_trials n_iter"),
    (("name", "label"), "title description"),
)  # fmt: skip


def meant(given: str, known: Iterable[str]) -> str | None:
    """The known name that is meant, or None where nobody could say."""
    names = list(known)
    for ours, others in _SAME:
        if given.lower() in (*ours, *others.split()):
            found = next((name for name in ours if name in names), None)
            if found is not None:
                return found
    near = get_close_matches(given.lower(), names, n=1, cutoff=0.65)
    return near[0] if near else None


def hint(given: str, known: Iterable[str], what: str, *, told: Iterable[str] = ()) -> str:
    """The end of a sentence that refuses a name: the one that is meant, or which there are.

    Args:
        given: the name.
        known: those that may be meant.
        what: names them, for example "its options".
        told: those that are told of; all that are known if not given.
    """
    names = list(known)
    found = meant(given, names)
    return f"{what} are {', '.join(told or names)}." if found is None else f"did you mean {found}=?"
