"""The boxes to tick beside the rows of jobs: each is that of one job, wherever its row has moved meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from nbqueue.board.roster import PAGES
from nbqueue.display import wording
from nbqueue.model.job import JobRecord
from nbqueue.notebook.board.desk import Desk
from nbqueue.notebook.board.grid import ROW_PX
from nbqueue.notebook.board.parts import Kit, Stock, put

#: boxes that still hear after they were seen: those of a page; and boxes for all rows
SPARE, SPARE_ALL = max(PAGES), 10


class Ticks:
    """A box for all rows of the page, and one beside each."""

    def __init__(self, kit: Kit, desk: Desk) -> None:
        self._kit, self._desk = kit, desk
        self._words: dict[str, str] = {}
        self._rows: Stock[str] = Stock(kit, self._of_row, SPARE)
        # for the rows that were seen with it, as they may be others when the kernel hears of it
        self._all: Stock[tuple[str, ...]] = Stock(kit, self._of_all, SPARE_ALL)
        self.above = kit.column((), flex="0 0 auto")
        # from below the heading on
        self.beside = kit.column((), flex="0 0 auto", padding=f"{ROW_PX}px 0 0")

    def draw(self, rows: Sequence[JobRecord], selected: Collection[str]) -> int:
        """Send what differs; how many messages that took."""
        ids = tuple(record.id for record in rows)
        self._words = {record.id: wording.line(record.label or record.function or record.id, 80) for record in rows}
        boxes, sent = self._rows.take(ids)
        above, made = self._all.take([ids])
        sent += made + sum(put(box, value=job_id in selected) for job_id, box in boxes.items())
        sent += put(above[ids], value=bool(ids) and all(job_id in selected for job_id in ids))
        return sent + put(self.above, children=(above[ids],)) + put(self.beside, children=tuple(boxes.values()))

    def _of_row(self, job_id: str) -> Any:
        return self._kit.box(self._words[job_id], lambda on: self._desk.tick((job_id,), on=on))

    def _of_all(self, ids: tuple[str, ...]) -> Any:
        words = f"all {len(ids)} on this page" if ids else "none on this page"
        return self._kit.labelled_box(words, lambda on: self._desk.tick(ids, on=on), disabled=not ids)
