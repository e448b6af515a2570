"""Reads the history for a live chart, what is new each time, and draws it, on the client's own threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError
from nbqueue.notebook.live_charts.wanted import Chart, Wanted, draw
from nbqueue.notebook.server import NOT_RUNNING

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest picture."""

    #: grows with each change
    version: int = 0
    png: bytes = b""
    attempts: int = 0
    #: when it was looked last, on the server's clock
    at: datetime | None = None
    #: why there is nothing new; empty where all is well
    problem: str = ""


class Reading:
    """`seen` is replaced by the portal's thread, and may be read by any."""

    def __init__(self, wanted: Wanted, chart: Chart, every_s: float, is_up: Callable[[], bool]) -> None:
        self._wanted, self._chart = wanted, chart
        self._every_s = every_s
        self._is_up = is_up
        self._rows: DataFrame | None = None
        self._last = ""
        self.seen = Seen()

    async def run(self, link: Link) -> None:
        """Look again and again, until this is cancelled."""
        while True:
            await self.look(link)
            await asyncio.sleep(self._every_s)

    async def look(self, link: Link) -> None:
        """Look once, and note what keeps from it."""
        try:
            if await asyncio.to_thread(self._is_up):
                await self._look(link)
            else:
                self._tell(problem=NOT_RUNNING)
        except NbqueueError as error:
            self._tell(problem=str(error))
        except Exception as error:  # noqa: BLE001 - nobody waits for this: the chart says it, and looks again
            self._tell(problem=f"{type(error).__name__}: {error}")

    async def _look(self, link: Link) -> None:
        from nbqueue.analysis.frame import read_frame  # pandas is heavy

        since = self._last or self._wanted.since
        found = await read_frame(link.wire.ask, link.wire.keys, since=since, **self._wanted.filters)
        now = await link.time()
        before = self._rows
        rows = await asyncio.to_thread(self._joined, before, found, round(now.timestamp() * 1000))
        if len(found):
            self._last = str(found["entry"].iloc[-1])
        is_new = before is None or len(found) > 0 or len(rows) != len(before)
        self._rows = rows
        png = await asyncio.to_thread(draw, self._chart, rows) if is_new or not self.seen.png else self.seen.png
        self._tell(png=png, attempts=len(rows), at=now)

    def _joined(self, before: DataFrame | None, found: DataFrame, now_ms: int) -> DataFrame:
        """What was known and what is new, without what is too old by now."""
        import pandas as pd

        from nbqueue.analysis.facts.times import milliseconds

        rows = found if before is None or before.empty else before
        if rows is before and len(found):
            rows = pd.concat([before, found], ignore_index=True)
        from_ms = self._wanted.from_ms(now_ms)
        if from_ms is None:
            return rows
        kept: DataFrame = rows[milliseconds(rows["finished_at"]) >= from_ms]
        return kept

    def _tell(self, *, problem: str = "", **changes: object) -> None:
        before = self.seen
        self.seen = replace(before, version=before.version + 1, problem=problem, **changes)  # type: ignore[arg-type]
