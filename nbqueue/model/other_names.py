"""What an option is called elsewhere: from a name that is not known here to the one that was meant, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

#: how alike two names must be, from 0 to 1: one slip in five letters
NEAR = 0.8
#: what is shorter is near to too much
LEAST_NEAR_CHARS = 4
#: what has the same letters in another order is near from this length on
LEAST_TURNED_CHARS = 3

_WORKERS = "n_jobs workers num_workers n_workers parallel parallelism nprocs processes concurrent max_concurrency"
#: our names, with those that mean the same to Celery, RQ, arq, Dask, Ray, joblib, Oban and solvers; where several
#: names of ours would do, the first that is known where it was asked
_ELSEWHERE = {
    "url": "server broker broker_url redis redis_url redis_dsn dsn address host connection",
    "slots": f"concurrency max_workers {_WORKERS}",
    "processes": "engines procs",
    "drain_timeout": "drain graceful_timeout shutdown_timeout stop_timeout warm_shutdown",
    "max_jobs": "max_tasks_per_child maxtasksperchild max_requests recycle",
    "namespace": "prefix key_prefix",
    "queue": "queue_name queues task_queue routing_key",
    "priority": "prio nice",
    "delay": "countdown defer defer_by wait_s delay_s delay_seconds start_in schedule_in",
    "at": "eta run_at start_at defer_until not_before scheduled_at run_date when",
    "expires": "ttl expires_in expiry expire expire_in",
    "timeout": "time_limit timelimit timeout_s time_limit_s job_timeout max_time maxtime max_runtime max_seconds "
    "hard_time_limit walltime",
    "time_limit": "timeout timelimit timeout_s time_limit_s max_time maxtime max_seconds max_time_in_seconds walltime",
    "grace": "soft_time_limit soft_timeout grace_s grace_period",
    "retries": "retry max_retries n_retries num_retries max_tries tries attempts max_attempts retry_policy",
    "retry": "retries max_retries max_tries n_retries num_retries attempts max_attempts tries autoretry_for "
    "retry_policy retry_backoff retry_delay retry_on backoff default_retry_delay",
    "job_id": "task_id id key",
    "run_in": "executor pool_type",
    "memory": "mem memory_limit max_memory mem_limit memory_mb ram",
    "keep_result": "result_ttl result_expires ttl keep_results",
    "keep_error": "failure_ttl error_ttl keep_errors",
    "tags": "tag",
    "labels": "node_labels constraints placement node_selector",
    "label": "name job_name task_name title description desc",
    "resources": "gpus num_gpus gpu num_cpus cpus",
    "rate": "rate_limit max_rate throttle",
    "max_workers": f"concurrency {_WORKERS}",
    "concurrency": f"max_workers {_WORKERS}",
    "threads": f"n_threads num_threads num_search_workers cores {_WORKERS}",
    "gap": "mip_gap rel_gap mip_rel_gap relative_gap relative_gap_limit mipgap",
    "hint": "warm_start warmstart initial_solution start",
    "n_trials": "trials n_iter num_trials",
    "items": "dataset data samples inputs",
    "task": "model fn func function solver",
    "scorers": "scorer metric metrics scoring score_fn evaluators",
    "parameters": "params",
    "kernel": "kernel_name kernelspec kernel_spec",
    "cell_timeout": "execution_timeout",
    "output": "output_path output_notebook",
    "folder": "cwd",
    "callbacks": "callback watch on_end",
    "name": "label title description desc",
    "unique": "dedup deduplicate unique_for",
    "cache": "memoize pure cache_ttl cache_for cached",
    "force": "overwrite recompute",
    "after": "depends_on dependency dependencies wait_for depends",
    "batch": "batch_size chunksize chunk_size",
    "on_done": "callback callbacks on_success on_failure on_error on_complete webhook link link_error",
}
_NAMES = {ours: frozenset(names.split()) for ours, names in _ELSEWHERE.items()}
#: how that is written where a name alone would not do
_WRITTEN = {
    "retry": "retry= (tries in all, or a RetryPolicy)",
    "resources": 'resources={"gpu": 1}',
    "labels": 'labels=["site=berlin"]',
    "grace": "grace= (seconds before timeout=)",
    "after": "after=[job]",
    "on_done": "on_done= (told of every end)",
}


def unknown_option(
    said: str, name: str, known: Iterable[str], allowed: str = "the options are", *, told: Iterable[str] = ()
) -> ConfigurationError:
    """The error for an option that is not known: what is said of it, then what was meant, or else all there is.

    Args:
        said: the beginning of the sentence, with `{}` in the name's place: "Option {} is not known".
        name: as it was given.
        known: the options there are, one of which may have been meant.
        allowed: comes before the list of them.
        told: those that are listed; all that are known if not given.
    """
    names = list(known)
    help_ = meant(name, names) or f"{allowed} {', '.join(told or names)}."
    return ConfigurationError(f"{said.format(shown(name))}: {help_}")


def meant(name: str, known: Sequence[str]) -> str:
    """What was meant by a name that is none of the known ones, as the end of a sentence; empty where none is near."""
    name = name.lower().replace("-", "_").strip("_")
    if ours := _ours(name, known):
        return f"it is called {_written(ours)} here."
    turned = [each for each in known if len(each) >= LEAST_TURNED_CHARS and sorted(each) == sorted(name)]
    near = turned or get_close_matches(name, _near_to(known), n=1, cutoff=NEAR)
    return f"did you mean {_written(_ours(near[0], known))}?" if near else ""


def _ours(name: str, known: Sequence[str]) -> str:
    """The name among the known ones, or the first of them that means the same; empty where there is none."""
    if name in known:
        return name
    return next((ours for ours, names in _NAMES.items() if ours in known and name in names), "")


def _near_to(known: Sequence[str]) -> list[str]:
    """What a slip may have been meant for: the known names, then those of others for them."""
    familiar = [name for ours, names in _NAMES.items() if ours in known for name in sorted(names)]
    return [name for name in (*known, *familiar) if len(name) >= LEAST_NEAR_CHARS]


def _written(ours: str) -> str:
    return _WRITTEN.get(ours, f"{ours}=")
