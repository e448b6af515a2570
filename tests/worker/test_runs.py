"""What a child is given to run."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from nbqueue.broker.claims import Claim
from nbqueue.model import task
from nbqueue.model.options import check
from nbqueue.model.retry import RetryPolicy
from nbqueue.worker.attempt import Attempt
from nbqueue.worker.runs import run_of


def _run(header: Mapping[str, Any] = MappingProxyType({}), name: str = "", **options: Any) -> Any:
    claim = Claim(
        job_id="job", fence=3, tries=1, losses=1, crashes=0, submitted_ms=0, due_ms=0, started_ms=0, group="",
        submission=b"", queue="default",
    )  # fmt: skip
    header = {"fn": "fn", "codec": "pickle", **header}
    attempt = Attempt(claim=claim, header=header, payload=b"", options=check(**options), name=name)
    return run_of(attempt, options.get("run_in", "process"), cpus=3)


@pytest.mark.parametrize(("preset", "seconds"), [(None, 2.0), ("evaluation", 2.0), ("solver", 5.0)])
def test_a_solver_has_five_seconds_to_stop(preset: str | None, seconds: float) -> None:
    """All else is killed after two."""
    assert _run(preset=preset).kill_after_s == seconds


def test_a_child_is_told_of_a_policy_whose_waits_it_is_to_ask_for() -> None:
    """Of no other: most jobs have none. Lost workers are no tries."""
    assert _run(retry=3).asking is None
    own = RetryPolicy(max_tries=4, backoff=lambda _attempt, _error: 1.0)
    assert _run(retry=own).asking == {"policy": own.to_wire(), "tries": 2}


def test_the_family_is_what_the_header_says_or_the_function_here() -> None:
    """Of code that travels its sender says it; a name's function is looked at where it is registered."""

    def solve() -> None:
        import highspy

        del highspy

    task.register(solve, "test-runs-solve")
    headers: list[dict[str, Any]] = [{}, {"family": "ortools"}, {"family": "quantum"}, {"family": ["ortools"]}]
    assert [_run(header).family for header in headers] == ["", "ortools", "", ""]
    assert [_run(name=name).family for name in ("test-runs-solve", "test-runs-none")] == ["highspy", ""]


def test_code_that_shares_its_process_has_one_processor() -> None:
    """What has a slot to itself has the processors of a slot."""
    assert [_run(run_in=place).cpus for place in ("process", "thread", "async")] == [3, 1, 1]
