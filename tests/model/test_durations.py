"""Durations and sizes: as people write them, and as they are told."""

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import in_words, process_bytes, written


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.05, "0.05 s"), (90, "90 s"), (120, "2 min"), (3725, "1 h 2 min 5 s"), (86_400, "1 day"),
     (129_600.0, "1 day 12 h"), (14 * 86_400.0, "14 days")],
)  # fmt: skip
def test_a_duration_is_told_in_units_that_people_count_in(seconds: float, words: str) -> None:
    """Long ones in days and hours, not in a million of seconds."""
    assert in_words(seconds) == words


def test_a_process_needs_memory_for_python_itself() -> None:
    """A limit that no process could keep is refused, and not found out by a crash."""
    assert (process_bytes("32MB"), process_bytes(2**30)) == (32_000_000, 2**30)
    for little in ("1KB", "31MB", 32):
        with pytest.raises(ConfigurationError, match="is too little for a Python process: give 32MB or more"):
            process_bytes(little)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("1.5", 1.5), ("90s", 90), ("5min", 300), ("5 m", 300)])
def test_a_duration_is_read_as_it_is_written_by_hand(text: str, seconds: float) -> None:
    """Seconds, or a number with its unit; anything else is an error."""
    assert written(text) == seconds
    with pytest.raises(ValueError, match="soon"):
        written("soon")
