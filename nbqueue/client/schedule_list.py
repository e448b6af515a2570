"""Schedules found in the server: `schedules`, and what it lists as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, overload
from zoneinfo import ZoneInfo

from nbqueue.client import scheduling
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.schedule import Schedule
from nbqueue.client.session import Session, session
from nbqueue.model.schedule import ScheduleRecord
from nbqueue.model.shown import Shown, ShownNow, plain
from nbqueue.model.times import Cron

#: what a table of schedules tells, and the head of its columns
COLUMNS = ("name", "state", "times", "function", "next", "last", "runs", "skipped", "last job")

_LONGEST = 60


class ScheduleList(Sequence[Schedule[Any]], Shown):
    """Handles of schedules, by name, with what was known of each when they were looked up."""

    def __init__(self, records: Sequence[ScheduleRecord], of: Session) -> None:
        #: what was known of them
        self.records = tuple(records)
        self._session = of

    @overload
    def __getitem__(self, index: int) -> Schedule[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> ScheduleList: ...
    def __getitem__(self, index: int | slice) -> Schedule[Any] | ScheduleList:
        if isinstance(index, slice):
            return ScheduleList(self.records[index], self._session)
        return Schedule(self.records[index].name, of=self._session)

    def __iter__(self) -> Iterator[Schedule[Any]]:
        return (Schedule(record.name, of=self._session) for record in self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        if not self.records:
            return "<no schedules>"
        lines = [COLUMNS, *map(cells, self.records)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def cells(record: ScheduleRecord) -> tuple[str, ...]:
    """A schedule as a row of COLUMNS; moments on the clock that it goes by."""
    state = f"{record.state}: {record.error}" if record.error else str(record.state)
    times = record.times.words if record.times is not None else ""
    row = (
        record.name, state, times, record.function, _on_its_clock(record, record.next_at),
        _on_its_clock(record, record.last_at), f"{record.runs:,}", f"{record.skipped:,}", record.last_job,
    )  # fmt: skip
    return tuple(plain(text, _LONGEST) for text in row)


class Schedules(ShownNow):
    """The schedules that the server has: `await schedules.all()`, `schedules["nightly"]`."""

    def all(self) -> Pending[ScheduleList]:
        """All of them, by name."""
        here = session()

        async def asked(link: Link) -> list[ScheduleRecord]:
            return [found.record for found in await scheduling.look_up_all(link)]

        return Pending(here.call(asked), lambda records: ScheduleList(records, here), what="looking up schedules")

    def get(self, name: str) -> Pending[Schedule[Any]]:
        """The handle of the schedule of that name. Raises UnknownSchedule where there is none."""
        found = self[name]
        return Pending(
            session().call(lambda link: scheduling.look_up(link, name)), lambda _: found, what=f"looking up {name}"
        )

    def __getitem__(self, name: str) -> Schedule[Any]:
        """A handle by name; whether there is such a schedule is seen by what is asked of it."""
        return Schedule(name)

    def __repr__(self) -> str:
        return '<schedules: await schedules.all(), or schedules["name"]>'


schedules = Schedules()


def _on_its_clock(record: ScheduleRecord, at: datetime | None) -> str:
    if at is None:
        return ""
    zone = record.times.timezone if isinstance(record.times, Cron) else "UTC"
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"
