"""Text from jobs comes out harmless, numbers and durations come out short."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.display import wording


@given(st.text(st.characters(), max_size=400))
def test_a_line_has_no_control_format_or_surrogate_character(text: str) -> None:
    """Whatever a job calls itself, a card's line is one line of characters that only draw."""
    found = wording.line(text)
    harmful = {c for c in found if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\u200c", "\u200d"}
    assert (harmful, len(found) <= wording.LINE_LIMIT) == (set(), True)


@given(st.text(st.sampled_from("ab\x1b[]0;7m\\\r\n\t\x07\x9b\x9d\u202e"), max_size=200))
def test_a_log_line_has_no_escape(text: str) -> None:
    """A log full of terminal sequences comes out as printable lines."""
    assert all(line.isprintable() and line.strip() for line in wording.tail(text, 5))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("two\nlines\u2028three", "two lines three"),
        ("gnp.\u202efdp.exe", "gnp.fdp.exe"),
        ("nul\x00byte", "nulbyte"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\ud800half", "half"),
    ],
)
def test_terminal_sequences_and_direction_marks_vanish(raw: str, shown: str) -> None:
    """Colours, titles, links, direction marks and NUL leave only the text."""
    assert wording.line(raw) == shown


def test_a_long_line_is_cut_with_an_ellipsis() -> None:
    """A text of a million characters becomes one of the limit."""
    found = wording.line("x" * 1_000_000)
    assert (len(found), found[-1]) == (wording.LINE_LIMIT, "…")


def test_the_tail_keeps_the_last_drawing_of_a_redrawn_line() -> None:
    """Of a tqdm line, drawn again and again behind carriage returns, the last drawing is shown."""
    assert wording.tail("first\n\n 10%\r 50%\r100%\nlast\n", 2) == ("100%", "last")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3, "3"), (1234567, "1,234,567"), (3.0, "3"), (0.123456789, "0.123457"), (1e-9, "1e-09"), (None, "none"),
        (True, "True"), (float("inf"), "∞"), (float("-inf"), "-∞"), (float("nan"), "nan"), (10**400, "∞"),
        (10**20, "1e+20"), ("optimal\n", "optimal"), ([1, 2], "[1, 2]"),
    ],
)  # fmt: skip
def test_a_number_is_short(value: object, shown: str) -> None:
    """Reported values come out in few characters."""
    assert wording.number(value) == shown


def test_a_gap_is_a_share_in_per_cent() -> None:
    """Only a gap is shown in per cent."""
    assert (wording.metric("gap", 0.0315), wording.metric("loss", 0.0315), wording.metric("gap", None)) == (
        "3.15%", "0.0315", "none",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "running", "ended"),
    [
        (0.421, "0 s", "0.42 s"), (9.99, "9 s", "9.9 s"), (59.99, "59 s", "59.9 s"), (61, "1 min 01 s", "1 min 01 s"),
        (7501, "2 h 05 min", "2 h 05 min"), (100_000, "1 d 3 h", "1 d 3 h"), (-3, "0 s", "0.00 s"),
        (float("nan"), "", ""),
    ],
)  # fmt: skip
def test_a_duration_is_said_as_people_do(seconds: float, running: str, ended: str) -> None:
    """Whole seconds while it runs, tenths when it has ended."""
    assert (wording.duration(seconds, running=True), wording.duration(seconds)) == (running, ended)


def test_a_moment_of_another_day_has_its_date() -> None:
    """Today the time of day is enough; of last week it would say something wrong."""
    now = datetime(2026, 1, 31, 12, 0, 0).astimezone()
    assert wording.when(now - timedelta(minutes=5), now) == "11:55:00"
    assert wording.when(now - timedelta(days=7), now) == "01-24 12:00"
    assert wording.when(None, now) == ""


@pytest.mark.parametrize(
    ("a_second", "shown"),
    [
        (1234.5, "1,234 a second"), (2.0, "2 a second"), (1.0, "1 a second"), (9.86 / 60, "9.86 a minute"),
        (1 / 60, "1 a minute"), (1 / 3600, "1 an hour"),
    ],
)  # fmt: skip
def test_a_rate_is_told_by_the_unit_that_fits(a_second: float, shown: str) -> None:
    """All rates of a card are told in one way."""
    assert wording.rate(a_second) == shown
