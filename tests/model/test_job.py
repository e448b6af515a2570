"""Records: what they show of a job."""

from datetime import UTC, datetime

from nbqueue.model.job import JobRecord
from nbqueue.model.states import State


def test_a_record_is_shown_in_a_line() -> None:
    """Its id, label, state and times; the end of a failed one says why."""
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert repr(JobRecord(id="a", state=State.QUEUED)) == "<JobRecord a: queued>"
    failed = JobRecord(id="a", state=State.FAILED, label="one", started_at=at, error_type="ValueError", error="no")
    assert repr(failed) == "<JobRecord a one: failed, started 2026-01-02 03:04:05 UTC, ValueError: no>"
