"""What a child is given to run."""

from typing import Any

import pytest

from nbqueue.broker.claims import Claim
from nbqueue.model.options import check
from nbqueue.model.retry import RetryPolicy
from nbqueue.worker.attempt import Attempt
from nbqueue.worker.runs import run_of


def _run(**options: Any) -> Any:
    claim = Claim(
        job_id="job", fence=3, tries=1, losses=1, crashes=0, submitted_ms=0, due_ms=0, started_ms=0, group="",
        submission=b"", queue="default",
    )  # fmt: skip
    attempt = Attempt(claim=claim, header={"fn": "fn", "codec": "pickle"}, payload=b"", options=check(**options))
    return run_of(attempt, "process", None)


@pytest.mark.parametrize(("preset", "seconds"), [(None, 2.0), ("evaluation", 2.0), ("solver", 5.0)])
def test_a_solver_has_five_seconds_to_stop(preset: str | None, seconds: float) -> None:
    """All else is killed after two."""
    assert _run(preset=preset).kill_after_s == seconds


def test_a_child_is_told_of_a_policy_whose_waits_it_is_to_ask_for() -> None:
    """Of no other: most jobs have none. Lost workers are no tries."""
    assert _run(retry=3).asking is None
    own = RetryPolicy(max_tries=4, backoff=lambda _attempt, _error: 1.0)
    assert _run(retry=own).asking == {"policy": own.to_wire(), "tries": 2}
