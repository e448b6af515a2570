"""The scripts against a model of the queue: whatever is done in whatever order, both say the same."""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.broker.queue_machine import QueueMachine
from tests.servers import Server

#: sequences, and steps of each
USUAL, LONG = (80, 30), (3000, 50)


@pytest.mark.timeout(7200)
def test_the_scripts_do_what_the_model_does(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job, group, queue and limit stands as the model says after each of many random steps."""
    sequences, steps = LONG if os.environ.get("HYPOTHESIS_PROFILE") == "long" else USUAL
    lasts = settings(
        max_examples=sequences, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with asyncio.Runner() as runner:
        monkeypatch.setattr(QueueMachine, "server", server, raising=False)
        monkeypatch.setattr(QueueMachine, "runner", runner, raising=False)
        run_state_machine_as_test(QueueMachine, settings=lasts)
