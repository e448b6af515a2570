"""Durations and sizes: as people write them, and as they are told."""

import pytest

from nbqueue.model.durations import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.05, "0.05 s"), (90, "90 s"), (120, "2 min"), (3725, "1 h 2 min 5 s"), (86_400, "1 day"),
     (129_600.0, "1 day 12 h"), (14 * 86_400.0, "14 days")],
)  # fmt: skip
def test_a_duration_is_told_in_units_that_people_count_in(seconds: float, words: str) -> None:
    """Long ones in days and hours, not in a million of seconds."""
    assert in_words(seconds) == words
