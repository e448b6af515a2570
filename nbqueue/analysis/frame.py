"""The history as a pandas frame: one row an attempt, oldest first, with the columns of `columns.COLUMNS`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pandas as pd

from nbqueue.analysis import records
from nbqueue.analysis.columns import COLUMNS, REPEATED, STATES
from nbqueue.analysis.series import Growing, growing, seconds_between
from nbqueue.analysis.span import first_entry, last_entry
from nbqueue.broker import history as stream
from nbqueue.broker.keys import Keys
from nbqueue.errors import ConfigurationError
from nbqueue.model import names
from nbqueue.model.moments import Moment


async def read_frame(
    ask: stream.Ask,
    keys: Keys,
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    queue: str = "",
    states: Collection[str] | str = (),
    function: str = "",
    tag: str = "",
    limit: int | None = None,
) -> pd.DataFrame:
    """The attempts that ended between `since` and `until` (both included), as a frame.

    A page is parsed in some milliseconds, so that the loop goes on following jobs meanwhile.

    Args:
        ask: puts a question to the server's client.
        keys: the namespace's keys.
        since: "7d", "2h", a timedelta (both back from now), an aware datetime, or an entry of an earlier frame.
        until: the same.
        queue: only this queue.
        states: only these final states, or "lost" or "retried".
        function: only this function.
        tag: only jobs that have this tag.
        limit: only the newest so many.

    Raises:
        ConfigurationError: an argument cannot be used.
    """
    asked = query(
        await stream.now_ms(ask), since=since, until=until, queue=queue, states=states, function=function, tag=tag,
        limit=limit,
    )  # fmt: skip
    rows = Rows()
    async for part in records.read(ask, keys, asked):
        rows.add(part)
    return await asyncio.to_thread(rows.frame)


def query(
    now_ms: int,
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    queue: str = "",
    states: Collection[str] | str = (),
    function: str = "",
    tag: str = "",
    limit: int | None = None,
) -> records.Query:
    """What `read_frame` is asked for, checked; `now_ms` is the server's clock.

    Raises:
        ConfigurationError: an argument cannot be used.
    """
    return records.Query(
        start=first_entry(since, now_ms),
        end=last_entry(until, now_ms),
        queue=queue,
        states=_checked(states),
        function=function,
        tag=tag,
        limit=_positive(limit),
    )


class Rows:
    """A frame that grows by parts: each is typed at once, so that no page's plain values are kept."""

    def __init__(self) -> None:
        self._growing: dict[str, Growing] = {column.name: growing(column.kind) for column in COLUMNS if column.stored}
        self._unreadable = 0

    def add(self, part: records.Part) -> None:
        """Take the attempts of a part after those before."""
        for column in COLUMNS:
            if column.stored:
                self._growing[column.name].add(part.values(column))
        self._unreadable += part.unreadable

    def frame(self) -> pd.DataFrame:
        """The frame; its `attrs["unreadable"]` counts records that could not be read."""
        series = {name: column.series() for name, column in self._growing.items()}
        ready = series["due_at"].where(series["due_at"].notna(), series["submitted_at"])
        series["wait_s"] = seconds_between(ready, series["started_at"])
        series["duration_s"] = seconds_between(series["started_at"], series["finished_at"])
        result = pd.DataFrame({column.name: series[column.name] for column in COLUMNS}, copy=False)
        result.attrs["unreadable"] = self._unreadable
        return result


def _checked(states: object) -> tuple[str, ...]:
    if isinstance(states, Collection) and not isinstance(states, str | tuple) and not states:
        raise ConfigurationError(f"states={names.shown(states)} names no state: leave it out, or give one or several.")
    wanted = tuple(states) if isinstance(states, Collection) and not isinstance(states, str) else (states,)
    unknown = [state for state in wanted if not isinstance(state, str) or state not in STATES]
    if unknown:
        raise ConfigurationError(f"states={names.shown(unknown[0])} is not known: give some of {', '.join(STATES)}.")
    repeated = tuple(REPEATED) if "retried" in wanted else ()
    return tuple(str(state) for state in wanted) + repeated


def _positive(limit: int | None) -> int | None:
    return None if limit is None else names.check_limit(limit)
