"""The scripts against a model of the queue: whatever is done in whatever order, both say the same."""

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.broker.queue_machine import QueueMachine
from tests.servers import Server


@pytest.mark.timeout(3600)
def test_the_scripts_do_what_the_model_does(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job, group, queue and limit stands as the model says after each of many random steps."""
    with asyncio.Runner() as runner:
        monkeypatch.setattr(QueueMachine, "server", server, raising=False)
        monkeypatch.setattr(QueueMachine, "runner", runner, raising=False)
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            QueueMachine,
            settings=settings(
                max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False, database=None,
            ),
        )  # fmt: skip
