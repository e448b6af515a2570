"""What a job that waits in vain is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from nbqueue.model.advice import lack, no_resources, no_worker
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State, WaitReason

NIGHT = JobRecord(id="j1", state=State.QUEUED, queue="night")
NEEDY = replace(NIGHT, needs="gpu=1,memory_gb=8")
NOBODY = no_worker("night")
TOO_LITTLE = no_resources("night", "gpu=1,memory_gb=8")


@pytest.mark.parametrize(
    ("record", "offers", "said"),
    [
        (NIGHT, {}, NOBODY),
        (NIGHT, {"day": [{}]}, NOBODY),
        (NIGHT, {"night": [{}]}, ""),
        (NEEDY, {}, NOBODY),
        (NEEDY, {"night": [{}, {"gpu": 2.0}]}, TOO_LITTLE),
        (NEEDY, {"night": [{"gpu": 1.0}, {"memory_gb": 8.0}]}, TOO_LITTLE),
        (NEEDY, {"night": [{}, {"gpu": 1.0, "memory_gb": 16.0}]}, ""),
        (replace(NEEDY, reason=WaitReason.LIMITED), {"night": [{}]}, TOO_LITTLE),
        (replace(NIGHT, reason=WaitReason.LIMITED), {}, ""),
        (replace(NEEDY, reason=WaitReason.PAUSED), {}, ""),
        (replace(NEEDY, state=State.SCHEDULED), {}, ""),
        (replace(NEEDY, state=State.RUNNING), {}, ""),
        (replace(NIGHT, state=State.CANCELLED), {}, ""),
    ],
)
def test_what_no_worker_has_is_said(
    record: JobRecord, offers: Mapping[str, Sequence[Mapping[str, float]]], said: str
) -> None:
    """A worker for its queue, or one that has all it needs; nothing where it waits for something else."""
    assert lack(record, offers) == said
