"""What presets stand for."""

from typing import Any

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model.options import Options, check
from nbqueue.model.presets import kill_after_s
from nbqueue.model.retry import RetryPolicy

CAN_DIFFER = RetryPolicy(max_tries=3, on=("JobCrashed",))
CAN_PASS = RetryPolicy(max_tries=3)


def test_a_solver() -> None:
    """Three tries for what can differ, five minutes, a grace of five seconds, a fresh process to itself."""
    assert check(preset="solver") == Options(
        preset="solver", retry=CAN_DIFFER, timeout=300.0, grace=5.0, run_in="process", isolation="fresh"
    )
    assert (kill_after_s("solver"), kill_after_s("evaluation"), kill_after_s(None)) == (5.0, 2.0, 2.0)


@pytest.mark.parametrize(("priority", "limit_s"), [("high", 600), ("normal", 300), ("low", 180), (1, 600), (-99, 180)])
def test_an_evaluation(priority: str | int, limit_s: int) -> None:
    """Three tries, a time limit by its priority; the result is kept an hour, an error a day."""
    found = check(preset="evaluation", priority=priority)
    assert (found.retry, found.timeout, found.keep_result, found.keep_error) == (CAN_PASS, limit_s, 3600, 86_400)


def test_what_is_given_explicitly_wins() -> None:
    """In whatever order it is given."""
    found = check(timeout=7, preset="solver", isolation="pool", retry=2)
    assert (found.timeout, found.isolation, found.retry, found.grace) == (7, "pool", RetryPolicy(max_tries=2), 5.0)


@pytest.mark.parametrize("given", [{}, {"grace": 2, "isolation": "pool"}])
def test_a_worker_does_not_fill_in_again(given: dict[str, Any]) -> None:
    """What was given explicitly stays so on the wire, also where it is what counts without a preset."""
    asked = check(preset="solver", **given)
    assert Options.from_wire(asked.to_wire()) == asked


def test_no_other_preset_is_known() -> None:
    """The sentence names those that are."""
    with pytest.raises(ConfigurationError, match="preset='fast' cannot be used: give one of 'solver', 'evaluation'"):
        check(preset="fast")
