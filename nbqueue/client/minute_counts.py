"""How many jobs of a queue came and ended in each minute, as a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbqueue.broker import history, minutes
from nbqueue.broker.bounds import MINUTES_MS
from nbqueue.client.link import Link
from nbqueue.model import moments
from nbqueue.model.moments import Moment
from nbqueue.model.states import FINAL

#: what is counted, a column each
COLUMNS = (minutes.SUBMITTED, *sorted(state.value for state in FINAL))


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted in a span of minutes since 1970, the last one included."""

    first: int
    last: int
    minutes: minutes.Minutes


async def read(link: Link, queue: str, since: Moment) -> Counted:
    """The minutes from a moment on, those in which nothing happened left out."""
    wire = link.wire
    now_ms = await history.now_ms(wire.ask)
    since_ms = max(moments.milliseconds(since, "since", now_ms), now_ms - MINUTES_MS)
    found = await wire.ask(
        lambda client: minutes.read(client, wire.keys, queue, since_ms=since_ms, now_ms=now_ms)
    )  # fmt: skip
    return Counted(since_ms // minutes.MINUTE_MS, now_ms // minutes.MINUTE_MS, found)


def frame(counted: Counted) -> Any:
    """A row for every minute, also where nothing happened."""
    import pandas as pd  # where it is needed: importing it takes long

    span = range(counted.first, counted.last + 1)
    times = pd.to_datetime(pd.Series(span, dtype="int64") * minutes.MINUTE_MS, unit="ms", utc=True)
    counts = {what: [counted.minutes.get(each, {}).get(what, 0) for each in span] for what in COLUMNS}
    return pd.DataFrame({"minute": times, **counts})
