"""Cron expressions: which moment comes next, in a time zone whose clocks may change.

An expression whose minute and hour both name times is a fixed one: where the clock jumps over such a time it comes
right after the jump, and where the clock goes through it twice it comes the first time only. One whose minute or hour
begins with `*` goes by what the clock shows: it leaves out what is jumped over, and comes again in a doubled hour.
That is what the cron of Debian does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from nbqueue.errors import ConfigurationError

#: names for whole expressions
NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_SECOND = timedelta(seconds=1)
_FIELDS = (5, 6)
_LONGEST = 200


def checked(expression: object) -> str:
    """The expression with single spaces. Raises ConfigurationError for one that is none, or whose time never comes."""
    if not isinstance(expression, str) or len(expression) > _LONGEST:
        raise _refused(expression, "it is not such a text")
    text = " ".join(expression.split())
    if text.startswith("@") and text.lower() in NAMES:
        return text.lower()
    if text.startswith("@") or len(text.split(" ")) not in _FIELDS:
        raise _refused(expression, "it has not that form")
    now = datetime.now(UTC)
    try:
        found = next_after(text, ZoneInfo("UTC"), now)
    except (CronSimError, ValueError, AssertionError) as error:
        raise _refused(expression, str(error)[:1].lower() + str(error)[1:]) from None
    if found is None:
        raise _refused(expression, "its time does not come within 50 years")
    return text


def next_after(expression: str, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """The first moment after `moment` that a checked expression stands for, in UTC; None within 50 years."""
    fields = NAMES.get(expression, expression).split(" ")
    local = moment.astimezone(zone)
    minute, hour = fields[-5], fields[-4]
    if minute.startswith("*") or hour.startswith("*"):
        found = _by_the_clock(fields, local)
    else:
        found = (_instant(naive, zone) for naive in CronSim(" ".join(fields), local.replace(tzinfo=None, fold=0)))
    # in a doubled hour times of the first pass may be found anew
    return next((instant for instant in found if instant > moment), None)


def _by_the_clock(fields: list[str], local: datetime) -> Iterator[datetime]:
    return (found.astimezone(UTC) for found in CronSim(" ".join(fields), local))


def _instant(naive: datetime, zone: ZoneInfo) -> datetime:
    """When a clock of that zone shows a time: for the first time, or right after it jumped over it."""
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == naive:
        return instant
    return _end_of_gap(naive.replace(tzinfo=zone, fold=1).astimezone(UTC), instant, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second of a jump, which lies after `before` and not after `after`."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def _refused(expression: object, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The cron expression {ascii(expression)[:60]} cannot be used: {why}. Give five fields (minute, hour, "
        f"day of the month, month, day of the week), six with seconds before them, or one of {', '.join(NAMES)}."
    )
