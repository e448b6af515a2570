"""When a job is tried again."""

import json
import math
import re
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError, RetryLater, SkipRetry
from nbqueue.model.backoff import Answer, at_hand_there
from nbqueue.model.retry import NO_RETRY, RetryPolicy, policy

POLICIES = st.builds(
    RetryPolicy,
    max_tries=st.integers(1, 1000), backoff=st.sampled_from(["exponential", "fixed"]), base=st.floats(0, 3e8),
    factor=st.floats(1, 1000), cap=st.floats(0, 3e8), jitter=st.floats(0, 1),
    on=st.sampled_from([(), ("ValueError",)]), never_on=st.sampled_from([(), ("KeyError",)]),
)  # fmt: skip


def _asked(answer: Any, error: Exception, **fields: Any) -> Answer:
    """What a policy makes of a function's answer after the first attempt."""

    def backoff(_attempt: int, _error: BaseException) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return RetryPolicy(backoff=backoff, **fields).ask(backoff, 1, error)


@given(POLICIES, st.integers(1, 10_000))
def test_a_wait_is_between_none_and_the_cap(found: RetryPolicy, tries: int) -> None:
    """Whatever the numbers, it is finite, and chance takes away no more than `jitter`."""
    wait = found.wait_s(tries, Random(1))
    most = min(found.base if found.backoff == "fixed" else found.base * found.factor ** min(tries - 1, 64), found.cap)
    assert math.isfinite(wait)
    assert most * (1 - found.jitter) <= wait <= most


def test_the_waits_grow_as_the_docstring_says() -> None:
    """base, base * factor, base * factor ** 2, and never more than cap."""
    found = RetryPolicy(base=1, factor=3, cap=20, jitter=0)
    assert [found.wait_s(tries, Random(1)) for tries in (1, 2, 3, 4)] == [1, 3, 9, 20]
    assert RetryPolicy(backoff="fixed", base=2, jitter=0).wait_s(5, Random(1)) == 2


@given(POLICIES)
def test_a_policy_comes_back_from_the_wire(found: RetryPolicy) -> None:
    """What the worker reads is what was asked for."""
    assert RetryPolicy.from_wire(json.loads(json.dumps(found.to_wire()))) == found


def test_a_function_of_waiting_is_not_on_the_wire() -> None:
    """It travels with the call; what the engine has of it can be asked by nobody."""
    found = RetryPolicy.from_wire(RetryPolicy(backoff=lambda attempt, _: attempt).to_wire())
    assert (found.is_own, found.backoff) == (True, at_hand_there)


def test_a_function_of_waiting_need_not_be_hashable() -> None:
    """Policies can be compared and put into sets, whatever their function is."""

    class Slowly:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, attempt: int, _error: BaseException) -> float:
            return attempt

    slowly = Slowly()
    assert hash(RetryPolicy(backoff=slowly)) == hash(RetryPolicy(backoff=slowly))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"max_tries": 0}, "max_tries=0: give a whole number from 1 to 1000."),
        ({"max_tries": True}, "max_tries=True: give a whole number from 1 to 1000."),
        ({"backoff": "linear"}, "backoff='linear' cannot be used: give \"exponential\", \"fixed\", or a function"),
        ({"base": -1}, "base=-1 cannot be used: give seconds from 0 to ten years."),
        ({"base": math.nan}, "base=nan cannot be used: give seconds from 0 to ten years."),
        ({"factor": 0.5}, "factor=0.5 cannot be used: give a number from 1 to 1000."),
        ({"factor": "2"}, "factor='2' cannot be used: give a number from 1 to 1000."),
        ({"cap": math.inf}, "cap=inf cannot be used: give seconds from 0 to ten years."),
        ({"jitter": 1.5}, "jitter=1.5 cannot be used: give a number from 0 to 1."),
        ({"on": "ValueError"}, "on='ValueError' cannot be used: give a tuple of classes or names"),
        ({"never_on": ValueError}, "never_on=<class 'ValueError'> cannot be used: give a tuple of classes or names"),
        ({"on": ("requests.Timeout",)}, "on holds 'requests.Timeout', which names no error"),
        ({"on": (int,)}, "on holds <class 'int'>, which names no error"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], text: str) -> None:
    """One sentence names the field, what came and what is allowed."""
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        RetryPolicy(**fields)


def test_an_async_function_of_waiting_is_refused() -> None:
    """Nobody awaits it where it is called."""

    async def backoff(_attempt: int, _error: BaseException) -> float:
        return 1.0

    with pytest.raises(ConfigurationError, match="is async, and nobody awaits it: give a plain function"):
        RetryPolicy(backoff=backoff)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, 1001, 2.0, True, "3"])
def test_retry_takes_a_policy_or_tries_in_all(value: object) -> None:
    """Nothing else."""
    with pytest.raises(ConfigurationError, match="give RetryPolicy"):
        policy(value)
    assert policy(2) == RetryPolicy(max_tries=2)


def test_one_try_that_was_asked_for_is_not_the_default() -> None:
    """`retry=1` keeps RetryLater from having its way; without any policy it has."""
    assert policy(1) != NO_RETRY
    names = ("RetryLater", "Retrying")
    assert [found.allows_asked(1, names) for found in (NO_RETRY, policy(1), policy(2))] == [True, False, True]
    assert not RetryPolicy(never_on=("Retrying",)).allows_asked(1, names)
    assert RetryPolicy(on=("ValueError",)).allows_asked(1, names)


@pytest.mark.parametrize("answer", [0, 2.5, timedelta(seconds=2.5)])
def test_the_answer_is_taken_as_it_is(answer: Any) -> None:
    """Neither cap nor jitter change what a function says."""
    seconds = answer.total_seconds() if isinstance(answer, timedelta) else float(answer)
    assert _asked(answer, ValueError("no"), cap=1, jitter=1) == Answer(wait_s=seconds)


def test_none_means_no_further_attempt() -> None:
    """The error is final, and nothing is noted: that was meant."""
    error = ValueError("no")
    assert _asked(None, error) == Answer(final=True)
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize(
    ("answer", "did"),
    [
        (-1, "answered -1: it may answer seconds from 0 to ten years, or None"),
        (math.nan, "answered nan: it may"),
        (math.inf, "answered inf: it may"),
        ("soon", "answered 'soon': it may"),
        (True, "answered True: it may"),
        (KeyError("x"), "raised KeyError: 'x'."),
        (SystemExit(3), "raised SystemExit: 3."),
    ],
)
def test_a_function_that_fails_makes_the_error_final(answer: Any, did: str) -> None:
    """The job's own error stays what it is, with a note of what the function did."""
    error = ValueError("no")
    assert _asked(answer, error) == Answer(final=True)
    [note] = error.__notes__
    assert note.startswith(f"Not tried again: the retry policy's backoff backoff {did}")


@pytest.mark.parametrize("error", [SkipRetry(), RetryLater(1), KeyError("never"), OSError("not named")])
def test_a_function_is_not_asked_where_its_answer_does_not_count(error: Exception) -> None:
    """What is never retried, and what asks for itself, is no question."""
    assert _asked(KeyError("asked"), error, on=(ValueError,), never_on=(KeyError,)) == Answer()
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize("after_s", [-1, math.nan, math.inf, "soon", True, timedelta(seconds=-1)])
def test_retry_later_takes_seconds_that_can_be_waited(after_s: Any) -> None:
    """Anything else is told at once."""
    with pytest.raises(ConfigurationError, match=r"RetryLater\(after_s=.*\): give seconds from 0 to ten years\."):
        RetryLater(after_s)


def test_retry_later_takes_a_timedelta() -> None:
    """As all durations do."""
    assert (RetryLater(timedelta(minutes=1)).after_s, RetryLater(0).after_s) == (60.0, 0.0)
