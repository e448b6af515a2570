"""Durations and sizes: as people write them, and as they are told."""

from datetime import timedelta

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model.durations import in_words, process_bytes, read, seconds, written


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


@pytest.mark.parametrize(
    ("text", "found"),
    [("90s", 90), ("500ms", 0.5), ("5 min", 300), ("5m", 300), ("10 minutes", 600), ("1h", 3600), ("1h30m", 5400),
     ("1 h 30 min", 5400), ("2 hours", 7200), ("1.5h", 5400), ("1 day 12 h", 129_600), ("7d", 604_800),
     ("2w", 1_209_600), (" 1 hr ", 3600)],
)  # fmt: skip
def test_a_text_names_units(text: str, found: float) -> None:
    """One or several, the longest first; what nbqueue itself tells of a length of time is read too."""
    assert (read(text), seconds(text, "timeout"), written(text)) == (found, found, found)
    assert read(in_words(found)) == found


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "5x", "30min 1h", "1h 1h", "h", "-1h", "1h30", "5minx", "1 0s", "1M"]
)
def test_a_text_that_names_no_length_of_time_is_refused(text: str) -> None:
    """In one sentence, with what would do."""
    assert read(text) is None
    said = rf"^timeout={text!r} is no duration: give seconds, or text such as 90s, 5min, 2h or 1d\.$"
    with pytest.raises(ConfigurationError, match=said):
        seconds(text, "timeout")


def test_a_length_of_time_is_a_number_a_timedelta_or_a_text() -> None:
    """And a text of a mere number, as a shell gives it; within its range."""
    assert [seconds(each, "delay") for each in (90, timedelta(minutes=1), "90", "1.5")] == [90, 60, 90, 1.5]
    for wrong in (None, True, [5], b"5s"):
        with pytest.raises(ConfigurationError, match=r"^delay=\S.* is no duration: give seconds, or text such as 90s"):
            seconds(wrong, "delay")
    for far in ("11000d", "nan", "inf"):
        with pytest.raises(ConfigurationError, match=rf"^delay='{far}' is out of range: give 0 s up to ten years\.$"):
            seconds(far, "delay")
