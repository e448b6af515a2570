"""The name that somebody means who gives one that is not known."""

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model.meant import hint, meant
from nbqueue.model.options import check

NAMES = ("concurrency", "timeout", "retry", "queue", "priority")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("n_jobs", "concurrency"),
        ("max_workers", "concurrency"),
        ("n_workers", "concurrency"),
        ("timelimit", "timeout"),
        ("time_limit", "timeout"),
        ("max_retries", "retry"),
        ("Queue", "queue"),
        ("priorty", "priority"),
        ("colour", None),
        ("", None),
    ],
)
def test_a_name_of_others_or_a_slip_is_understood(given: str, found: str | None) -> None:
    """By what others call the thing, then by its letters; what resembles nothing means nothing."""
    assert meant(given, NAMES) == found


def test_the_word_that_is_meant_first_wins() -> None:
    """Of several names for one thing that are known."""
    assert meant("n_workers", ["concurrency", "max_workers"]) == "max_workers"
    assert meant("timelimit", ["timeout", "time_limit"]) == "time_limit"


def test_a_hint_ends_a_sentence() -> None:
    """It names the one, or all."""
    assert hint("n_jobs", NAMES, "its options") == "did you mean concurrency=?"
    assert hint("x", NAMES[:2], "its options") == "its options are concurrency, timeout."


def test_an_option_that_is_not_known_is_refused_with_the_one_that_is_meant() -> None:
    """As everywhere."""
    with pytest.raises(ConfigurationError) as refused:
        check(time_limit=3)
    assert str(refused.value) == "Option 'time_limit' is not known: did you mean timeout=?"
