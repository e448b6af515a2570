"""When schedules run: expressions, intervals, and clocks that change."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError
from nbqueue.model.times import Cron, Every, Times, changed, from_wire, times_of

BERLIN = "Europe/Berlin"
#: zones whose clocks change by an hour, by half an hour, at midnight, in the south, and not at all
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Asia/Kolkata"]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

moments = st.integers(0, 366 * 86_400).map(lambda s: BEGIN + timedelta(seconds=s))
#: moments near a change of a clock in 2026
DAYS = [(3, 8), (3, 29), (4, 4), (4, 24), (9, 6), (10, 4), (10, 25), (10, 30), (11, 1)]
changes = st.sampled_from([datetime(2026, *day, tzinfo=UTC) for day in DAYS])
near_changes = st.builds(lambda day, s: day + timedelta(seconds=s), changes, st.integers(-36 * 3600, 36 * 3600))


def clock(times: Times, begin: datetime, count: int, zone: str = BERLIN) -> list[str]:
    """The next times on the clock of a zone."""
    found = []
    at: datetime | None = begin
    for _ in range(count):
        assert at is not None
        at = times.next_after(at, begin)
        assert at is not None
        found.append(f"{at.astimezone(ZoneInfo(zone)):%d %H:%M:%S %z}")
    return found


def test_a_fixed_time_that_the_clock_jumps_over_comes_right_after_the_jump() -> None:
    """It comes once, and the day after at its own time."""
    daily = Cron("30 2 * * *", timezone=BERLIN)
    assert clock(daily, datetime(2026, 3, 28, tzinfo=UTC), 3) == [
        "28 02:30:00 +0100", "29 03:00:00 +0200", "30 02:30:00 +0200",
    ]  # fmt: skip
    twice = Cron("0,30 2,3 * * *", timezone=BERLIN)
    assert clock(twice, datetime(2026, 3, 29, tzinfo=UTC), 3) == [
        "29 03:00:00 +0200", "29 03:30:00 +0200", "30 02:00:00 +0200",
    ]  # fmt: skip


def test_a_fixed_time_in_a_doubled_hour_comes_once() -> None:
    """The first time the clock shows it; also asked in the second pass, and with seconds."""
    daily = Cron("15 30 2 * * *", timezone=BERLIN)
    assert clock(daily, datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == ["25 02:30:15 +0200", "26 02:30:15 +0100"]
    second_pass = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert clock(daily, second_pass, 1) == ["26 02:30:15 +0100"]


def test_what_goes_by_the_clock_is_left_out_in_a_jump_and_comes_again_in_a_doubled_hour() -> None:
    """An expression whose minute or hour begins with a star."""
    often = Cron("*/30 * * * *", timezone=BERLIN)
    assert clock(often, datetime(2026, 3, 29, 0, 20, tzinfo=UTC), 3) == [
        "29 01:30:00 +0100", "29 03:00:00 +0200", "29 03:30:00 +0200",
    ]  # fmt: skip
    assert clock(often, datetime(2026, 10, 25, 0, 20, tzinfo=UTC), 4) == [
        "25 02:30:00 +0200", "25 02:00:00 +0100", "25 02:30:00 +0100", "25 03:00:00 +0100",
    ]  # fmt: skip


def test_midnight_that_is_jumped_over() -> None:
    """Where clocks change at midnight, @daily comes at one; where a day was left out, that day has none."""
    assert clock(Cron("@daily", timezone="Africa/Cairo"), datetime(2026, 4, 23, tzinfo=UTC), 2, "Africa/Cairo") == [
        "24 01:00:00 +0300", "25 00:00:00 +0300",
    ]  # fmt: skip
    assert clock(Cron("@daily", timezone="Pacific/Apia"), datetime(2011, 12, 29, 5, tzinfo=UTC), 3, "Pacific/Apia") == [
        "29 00:00:00 -1000", "31 00:00:00 +1400", "01 00:00:00 +1400",
    ]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES), st.one_of(moments, near_changes))
def test_a_daily_time_comes_once_a_day(hour: int, minute: int, zone: str, begin: datetime) -> None:
    """On each day of a zone's calendar, whatever its clock does: at its time, or right after the jump over it."""
    daily = Cron(f"{minute} {hour} * * *", timezone=zone)
    found, at = list[datetime](), begin
    for _ in range(6):
        after = daily.next_after(at, begin)
        assert after is not None
        assert after > at
        found.append(after.astimezone(ZoneInfo(zone)))
        at = after
    days = [each.date() for each in found]
    assert [later - earlier for earlier, later in pairwise(days)] == [timedelta(days=1)] * 5
    for each in found:
        naive = datetime.combine(each.date(), each.time())
        wanted = naive.replace(hour=hour, minute=minute)
        early = wanted.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        if early.replace(tzinfo=None) == wanted:
            assert each == early
        else:
            # a second before, the clock had not come to the time that was wanted
            assert (each.astimezone(UTC) - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(
                tzinfo=None
            ) < wanted
            assert naive > wanted


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([5, 10, 15, 20, 30]), st.sampled_from(ZONES), near_changes)
def test_what_goes_by_the_clock_comes_whenever_the_clock_shows_it(step: int, zone: str, begin: datetime) -> None:
    """The times are exactly the minutes of an unchanging clock at which the zone's own shows a fitting one."""
    often = Cron(f"*/{step} * * * *", timezone=zone)
    minute = begin.replace(second=0) + timedelta(minutes=1)
    expected = [
        each for each in (minute + timedelta(minutes=n) for n in range(300))
        if each.astimezone(ZoneInfo(zone)).minute % step == 0
    ]  # fmt: skip
    found, at = list[datetime](), begin
    while len(found) < len(expected):
        after = often.next_after(at, begin)
        assert after is not None
        found.append(after)
        at = after
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(1000, 10**9), st.one_of(st.none(), moments), moments, moments)
def test_an_interval_is_counted_from_its_beginning(
    ms: int, start: datetime | None, anchor: datetime, at: datetime
) -> None:
    """The next time is a whole number of intervals away, the first after a moment, and never before the beginning."""
    length = timedelta(milliseconds=ms)
    every = Every(length, start=start)
    found = every.next_after(at, anchor)
    assert found is not None
    begin = start or anchor
    assert (found - begin) % length == timedelta(0)
    assert found > at
    assert found >= begin if start else found > begin
    assert found - length <= max(at, begin)


def test_names_of_expressions() -> None:
    """@hourly and its like stand for the expressions that cron gives them."""
    found = {name: clock(Cron(name), BEGIN, 1, "UTC")[0] for name in ("@hourly", "@Daily", "@weekly", "@monthly")}
    assert found == {
        "@hourly": "01 01:00:00 +0000", "@Daily": "02 00:00:00 +0000", "@weekly": "04 00:00:00 +0000",
        "@monthly": "01 00:00:00 +0000",
    }  # fmt: skip
    assert Cron(" 0  6 * * MON-FRI ").words == "0 6 * * MON-FRI (UTC)"


def test_start_and_end_bound_the_times() -> None:
    """The start itself and the end itself are times; nothing comes outside."""
    bounds: dict[str, Any] = {"start": BEGIN + timedelta(hours=2), "end": BEGIN + timedelta(hours=3)}
    hourly = Cron("@hourly", **bounds)
    assert clock(hourly, BEGIN, 2, "UTC") == ["01 02:00:00 +0000", "01 03:00:00 +0000"]
    assert hourly.next_after(BEGIN + timedelta(hours=3), BEGIN) is None
    assert clock(Every("30min", **bounds), BEGIN, 3, "UTC")[0] == "01 02:00:00 +0000"


@pytest.mark.parametrize(
    ("given_times", "expected"),
    [
        ("*/5 * * * *", Cron("*/5 * * * *")),
        ("15min", Every(900)),
        ("1.5 h", Every(timedelta(minutes=90))),
        (90, Every("90s")),
        (timedelta(days=1), Every("1d")),
        (Every(60, name="mine"), Every(60, name="mine")),
    ],
)
def test_short_forms(given_times: object, expected: Times) -> None:
    """A text, a number or a timedelta stands for times with everything else as it is by default."""
    assert times_of(given_times) == expected


def test_a_short_form_keeps_what_the_times_had() -> None:
    """New times in the place of old ones: only when changes."""
    old = Cron("@daily", timezone=BERLIN, overlap="queue", name="mine")
    assert times_of("@hourly", old) == Cron("@hourly", timezone=BERLIN, overlap="queue", name="mine")
    assert times_of(60, old) == Every(60, overlap="queue", name="mine")
    assert changed(old, {"misfire": 3}) == Cron("@daily", timezone=BERLIN, overlap="queue", misfire=3, name="mine")
    with pytest.raises(ConfigurationError, match="timezone= cannot be used with an interval"):
        changed(Every(60), {"timezone": BERLIN})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Cron("* * *"), "cannot be used: it has not that form. Give five fields"),
        (lambda: Cron("61 * * * *"), "cannot be used: bad minute"),
        (lambda: Cron("0 0 31 2 *"), "cannot be used: bad day-of-month"),
        (lambda: Cron("* * */20 * 1L"), "its time does not come within 50 years"),
        (lambda: Cron("@reboot"), "one of @yearly"),
        (lambda: Cron("@daily", timezone="Mars/Base"), "timezone='Mars/Base' is not known here"),
        (lambda: Cron("@daily", timezone="../../etc/passwd"), "is not known here"),
        (lambda: Cron("@daily", name="a b"), "name='a b' cannot be used: give 1 to 50 letters"),
        (lambda: Every(0.5), "interval=0.5 is out of range: give 1 s"),
        (lambda: Every("5x"), "'5x' is no interval"),
        (lambda: Every(60, count=0), "count=0 cannot be used"),
        (lambda: Every(60, misfire=-1), 'give "skip", "once" or a number from 1 to 1000'),
        (lambda: Every(60, overlap="both"), "give one of 'skip', 'queue', 'cancel', 'allow'"),  # type: ignore[arg-type]
        (lambda: Every(60, start=datetime(2026, 1, 1)), "give an aware datetime"),  # noqa: DTZ001
        (lambda: Every(60, start=BEGIN, end=BEGIN - timedelta(1)), "lies before start="),
        (lambda: times_of(None), "NoneType None says no times"),
        (lambda: times_of("15x"), '\'15x\' says no times: give an interval such as "90s", "15min", "2h" or "1d"'),
        (lambda: times_of("60"), 'in Python also seconds as a number), or a cron expression such as "0 6 * * *"'),
        (lambda: times_of(""), "'' says no times"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_a_sentence(make: Any, said: str) -> None:
    """Where it is given, at once."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert said in str(caught.value)


PARTS = st.text(alphabet="0123456789*/,-#LWMONJA?", min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.lists(PARTS, min_size=4, max_size=7).map(" ".join)))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    """Nothing else comes out of it, and what is taken once is taken again."""
    with suppress(ConfigurationError):
        made = Cron(text)
        assert Cron(made.expression) == made


counts = st.one_of(st.none(), st.integers(1, 9))
lengths = st.integers(1000, 10**9).map(lambda ms: timedelta(milliseconds=ms))
intervals = st.builds(Every, lengths, count=counts, misfire=st.sampled_from(["skip", "once", 7]))
expressions = st.builds(
    Cron, st.just("0 6 * * *"), timezone=st.sampled_from(ZONES), start=st.one_of(st.none(), moments),
    overlap=st.sampled_from(["skip", "queue", "cancel", "allow"]),
)  # fmt: skip


@given(st.one_of(intervals, expressions))
def test_times_survive_the_wire(times: Times) -> None:
    """What was written as JSON is read as the same times."""
    assert from_wire(times.to_wire()) == times


def test_a_repr_is_the_call_that_makes_it() -> None:
    """Defaults are left out."""
    times = Cron("@daily", timezone=BERLIN, count=3)
    assert repr(times) == "Cron('@daily', count=3, timezone='Europe/Berlin')"
