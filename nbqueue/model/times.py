"""The times of a schedule: `Cron` and `Every`, checked when they are made."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbqueue.errors import ConfigurationError
from nbqueue.model import cron, durations, names
from nbqueue.model.durations import Duration

Overlap = Literal["skip", "queue", "cancel", "allow"]

#: the most missed runs that are made up for, and the most runs of a schedule
MOST_MISSED, MOST_RUNS = 1000, 10**9
#: the shortest interval
LEAST_S = 1.0

_MILLISECOND = timedelta(milliseconds=1)
_UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
_OVERLAPS = ("skip", "queue", "cancel", "allow")


@dataclass(frozen=True, kw_only=True, repr=False)
class Times:
    """What the times of every schedule have in common."""

    #: the schedule's name; None: that of its function
    name: str | None = None
    #: no run before this moment (aware); the first of an interval comes then
    start: datetime | None = None
    #: no run after this moment (aware)
    end: datetime | None = None
    #: so many runs in all; None: no limit
    count: int | None = None
    #: what becomes of runs that were missed while no worker ran: "skip" leaves them out, "once" makes one for all,
    #: a number that many at most, the latest
    misfire: Literal["skip", "once"] | int = "once"
    #: what becomes of a run whose time comes while the last one lives: "skip" leaves it out, "queue" lets it wait for
    #: the end, "cancel" cancels the last one first, "allow" lets both run
    overlap: Overlap = "skip"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.name is not None:
            names.check_schedule(self.name)
        for what in ("start", "end"):
            object.__setattr__(self, what, _moment(getattr(self, what), what))
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ConfigurationError(f"end={self.end.isoformat()} lies before start={self.start.isoformat()}.")
        if self.count is not None and not _is_whole(self.count, MOST_RUNS):
            raise ConfigurationError(f"count={self.count!r} cannot be used: give a whole number from 1 up.")
        if self.misfire not in ("skip", "once") and not _is_whole(self.misfire, MOST_MISSED):
            raise ConfigurationError(
                f'misfire={self.misfire!r} cannot be used: give "skip", "once" or a number from 1 to {MOST_MISSED}.'
            )
        if self.overlap not in _OVERLAPS:
            raise ConfigurationError(
                f"overlap={self.overlap!r} cannot be used: give one of {', '.join(map(repr, _OVERLAPS))}."
            )

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """The first time after a moment, in UTC; None where no more comes.

        Args:
            moment: aware.
            anchor: when the schedule was made; intervals without a start are counted from there.
        """
        if self.start is not None and moment < self.start:
            moment = self.start - _MILLISECOND
        found = self._next_after(moment, anchor)
        return None if found is None or (self.end is not None and found > self.end) else found

    @abstractmethod
    def _next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """The same without regard to start and end."""

    @property
    @abstractmethod
    def words(self) -> str:
        """When it runs, in words for a table."""

    def __repr__(self) -> str:
        """The call that makes it."""
        own = [repr(getattr(self, item.name)) for item in fields(self) if not item.kw_only]
        given = [item.name for item in fields(self) if item.kw_only and getattr(self, item.name) != item.default]
        return f"{type(self).__name__}({', '.join([*own, *(f'{name}={getattr(self, name)!r}' for name in given)])})"

    def to_wire(self) -> dict[str, Any]:
        """The times as plain JSON, without the name; defaults are left out."""
        found: dict[str, Any] = {}
        for what in ("start", "end"):
            if (at := getattr(self, what)) is not None:
                found[what] = round(at.timestamp() * 1000)
        for what in ("count", "misfire", "overlap"):
            if getattr(self, what) != getattr(Times, what):
                found[what] = getattr(self, what)
        return found


@dataclass(frozen=True, repr=False)
class Cron(Times):
    """Times by a cron expression: `Cron("0 6 * * mon-fri", timezone="Europe/Berlin")`."""

    #: minute, hour, day of the month, month, day of the week; with six fields the first are seconds; or "@daily" ...
    expression: str
    #: name of the IANA time zone whose clock it goes by
    timezone: str = field(default="UTC", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        super().__post_init__()
        object.__setattr__(self, "expression", cron.checked(self.expression))
        _zone(self.timezone)

    def _next_after(self, moment: datetime, anchor: datetime) -> datetime | None:  # noqa: ARG002 - for intervals
        return cron.next_after(self.expression, _zone(self.timezone), moment)

    @property
    def words(self) -> str:
        """The expression and its time zone."""
        return f"{self.expression} ({self.timezone})"

    def to_wire(self) -> dict[str, Any]:
        """The times as plain JSON, without the name."""
        return {"cron": self.expression, "timezone": self.timezone, **super().to_wire()}


@dataclass(frozen=True, repr=False)
class Every(Times):
    """Times at an interval: `Every(90)`, `Every(timedelta(hours=2))`, `Every("15min")`.

    They are counted from `start`, else from when the schedule was made, and do not shift with how long runs take.
    """

    #: seconds, a timedelta, or text such as "90s", "15min", "2h", "1d"
    interval: Duration

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        super().__post_init__()
        seconds = _interval(self.interval)
        object.__setattr__(self, "interval", timedelta(milliseconds=round(seconds * 1000)))

    @property
    def length(self) -> timedelta:
        """The interval, in whole milliseconds."""
        if not isinstance(self.interval, timedelta):
            raise TypeError(type(self.interval))
        return self.interval

    def _next_after(self, moment: datetime, anchor: datetime) -> datetime:
        begin = self.start or anchor
        steps = (moment - begin) // self.length + 1
        return (begin + max(steps, 0 if self.start else 1) * self.length).astimezone(UTC)

    @property
    def words(self) -> str:
        """The interval, in the largest unit that fits."""
        seconds = self.length.total_seconds()
        unit, size = next((item for item in _UNITS.items() if not seconds % item[1]), ("s", 1))
        return f"every {seconds / size:g} {unit}"

    def to_wire(self) -> dict[str, Any]:
        """The times as plain JSON, without the name."""
        return {"every": self.length.total_seconds(), **super().to_wire()}


def times_of(given: object, base: Times | None = None) -> Times:
    """The times that were given: `Cron` or `Every`, a cron expression, seconds, a timedelta, or text such as "15min".

    Args:
        given: what says when.
        base: where a short form takes the rest from (name, start, end ...); defaults if not given.
    """
    if isinstance(given, Cron | Every):
        return given
    rest = {} if base is None else {name: getattr(base, name) for name in _COMMON}
    if isinstance(given, str) and durations.read(given) is None:
        _check_form(given)
        zone = base.timezone if isinstance(base, Cron) else "UTC"
        return Cron(given, timezone=zone, **rest)
    if isinstance(given, str | int | Duration):
        return Every(given, **rest)
    raise ConfigurationError(
        f"{type(given).__name__} {ascii(given)[:60]} says no times: give Cron(...), Every(...), a cron expression "
        f'such as "0 6 * * *", seconds, or text such as "15min".'
    )


def _check_form(text: str) -> None:
    """Refuse a single word, which is neither an interval nor a cron expression, with both forms."""
    if len(text.split()) <= 1 and not text.strip().startswith("@"):
        raise ConfigurationError(
            f'{ascii(text)[:60]} says no times: give an interval such as "90s", "15min", "2h" or "1d" (in Python also '
            'seconds as a number), or a cron expression such as "0 6 * * *" or "@hourly".'
        )


_COMMON = ("name", "start", "end", "count", "misfire", "overlap")


def from_wire(found: dict[str, Any], name: str | None = None) -> Times:
    """The times from what `to_wire` gave, checked again."""
    rest: dict[str, Any] = {what: found[what] for what in ("count", "misfire", "overlap") if what in found}
    for what in ("start", "end"):
        if what in found:
            rest[what] = datetime.fromtimestamp(found[what] / 1000, tz=UTC)
    if "cron" in found:
        return Cron(found["cron"], timezone=found["timezone"], name=name, **rest)
    return Every(found["every"], name=name, **rest)


def changed(times: Times, given: dict[str, Any]) -> Times:
    """The times with some of their fields changed. Raises ConfigurationError for a field that they do not have."""
    if "timezone" in given and not isinstance(times, Cron):
        raise ConfigurationError("timezone= cannot be used with an interval: intervals are the same in all time zones.")
    return replace(times, **given)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ConfigurationError(
            f"timezone={ascii(name)[:60]} is not known here: give the IANA name of a time zone, for example "
            f'"Europe/Berlin".'
        ) from None


def _moment(value: object, what: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(microsecond=value.microsecond // 1000 * 1000)
    raise ConfigurationError(f"{what}={value!r} cannot be used: give an aware datetime, for example with tzinfo=UTC.")


def _interval(value: object) -> float:
    if isinstance(value, str):
        found = durations.read(value)
        if found is None:
            raise ConfigurationError(
                f'{ascii(value)[:60]} is no interval: give seconds, or text such as "90s", "15min" or "2h".'
            )
        value = found
    return durations.seconds(value, "interval", least=LEAST_S)


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
