"""Options by the names that they have elsewhere."""

from dataclasses import fields

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.executor import Executor
from nbqueue.model.job_options import JobOptions, given_options
from nbqueue.model.options import DEFAULTS, Options, check
from nbqueue.model.other_names import meant

OPTIONS = [item.name for item in fields(Options)]


@pytest.mark.parametrize(
    ("name", "ours"),
    [("countdown", "delay="), ("eta", "at="), ("_defer_by", "delay="), ("time_limit", "timeout="),
     ("timelimit", "timeout="), ("max_retries", "retry= (tries in all, or a RetryPolicy)"), ("ttl", "expires="),
     ("result_ttl", "keep_result="), ("n_jobs", "concurrency="), ("workers", "concurrency="),
     ("depends_on", "after=[job]"), ("num_gpus", 'resources={"gpu": 1}'), ("job-timeout", "timeout=")],
)  # fmt: skip
def test_a_familiar_name_leads_to_ours(name: str, ours: str) -> None:
    """As Celery, RQ, arq, Ray and joblib call them."""
    assert meant(name, OPTIONS) == f"it is called {ours} here."


@pytest.mark.parametrize(
    ("name", "ours"),
    [("num_worker", "concurrency="), ("tiemout", "timeout="), ("prioritiy", "priority="), ("lable", "label="),
     ("max_retrys", "retry= (tries in all, or a RetryPolicy)")],
)  # fmt: skip
def test_a_slip_leads_to_what_is_near(name: str, ours: str) -> None:
    """To a name of ours, or to a familiar one."""
    assert meant(name, OPTIONS) == f"did you mean {ours}?"


@pytest.mark.parametrize("name", ["nosuch", "x", "cat", "verbose", "colour", "model", "timezone", ""])
def test_what_is_near_to_nothing_gets_no_guess(name: str) -> None:
    """All options are listed instead."""
    assert meant(name, OPTIONS) == ""
    with pytest.raises(
        ConfigurationError, match=rf"Option {name!r} is not known: the options are queue, .*, on_done\.$"
    ):
        check(DEFAULTS, **{name: 1})


def test_only_what_is_taken_there_is_named() -> None:
    """One name means another thing where another thing is asked for."""
    meanings = {known: meant("n_jobs", [known]) for known in ("concurrency", "max_workers", "threads", "slots", "rate")}
    assert meanings == {
        "concurrency": "it is called concurrency= here.", "max_workers": "it is called max_workers= here.",
        "threads": "it is called threads= here.", "slots": "it is called slots= here.", "rate": "",
    }  # fmt: skip


def test_who_hands_options_on_has_arguments_of_its_own() -> None:
    """These are meant first; what it does not take is not led to."""
    with pytest.raises(
        ConfigurationError, match=r"^Executor does not take 'workers': it is called max_workers= here\.$"
    ):
        given_options({"workers": 2}, "Executor", of=Executor.__init__)
    with pytest.raises(
        ConfigurationError,
        match=r"^Executor does not take 'countdown': its options are (max_workers, initializer, initargs, )?queue, ",
    ):
        given_options({"countdown": 2}, "Executor", of=Executor.__init__)
    assert "delay" not in JobOptions.__annotations__
