"""The jobs that have ended, read from the history a few pages at a time: what is new, and further and further back."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from nbqueue.board.activity import Activity
from nbqueue.broker import history
from nbqueue.broker.history import Ask, Page
from nbqueue.broker.keys import Keys
from nbqueue.model.job import JobRecord, moment
from nbqueue.model.states import FINAL

#: ended jobs that are known by name
KEPT = 3_000
#: pages of the history that one look reads at most: what is new, and what is older
NEW_PAGES, OLD_PAGES = 4, 6
#: characters of a text in a line of the history that are kept
CHARS = 300

_FINAL = {state.value: state for state in FINAL}


class Past:
    """Reads on from where it was; what is too much for one look is passed over, and older jobs are forgotten."""

    def __init__(self, ask: Ask, keys: Keys, activity: Activity) -> None:
        self._ask, self._keys = ask, keys
        self._activity = activity
        self._newest = str(activity.began_ms + 1)
        self._older: AsyncGenerator[Page, None] | None = None
        self._records: dict[str, JobRecord] = {}

    @property
    def records(self) -> Mapping[str, JobRecord]:
        """Those that have ended, by id."""
        return self._records

    async def read_new(self) -> None:
        """Take what has ended since the last look."""
        newest, left = self._newest, NEW_PAGES
        async for page in history.pages_back(self._ask, self._keys, start=self._newest):
            if page.ids:
                newest = max(newest, "(" + page.ids[-1].decode(), key=_place)
            self._keep(_jobs(page))
            left -= 1
            if not left:
                break
        self._newest = newest
        self._forget()

    async def read_old(self, since_ms: int) -> None:
        """Read some pages further back, as long as there is something to find: ends since then, or names."""
        if self._older is None:
            self._older = history.pages_back(self._ask, self._keys, end=str(self._activity.began_ms))
        for _ in range(OLD_PAGES):
            if self._activity.known_from_ms <= since_ms and len(self._records) >= KEPT:
                return
            page = await anext(self._older, None)
            if page is None:
                self._activity.known_from_ms = 0
                return
            self._take_old(page)

    async def close(self) -> None:
        """Read no more."""
        if self._older is not None:
            await self._older.aclose()

    def drop(self, job_id: str) -> None:
        """Forget one that the server knows no longer."""
        self._records.pop(job_id, None)

    def put(self, record: JobRecord) -> None:
        """All that is known of one that has ended."""
        self._records[record.id] = record

    def _take_old(self, page: Page) -> None:
        found = list(_jobs(page))
        for record in found:
            if record.finished_at is not None:
                self._activity.add(round(record.finished_at.timestamp() * 1000), record.queue, record.state)
        if len(self._records) < KEPT:
            self._keep(record for record in found if record.id not in self._records)
        if page.ids:
            self._activity.known_from_ms = min(self._activity.known_from_ms, _place(page.ids[0].decode())[0])

    def _keep(self, found: Any) -> None:
        self._records.update((record.id, record) for record in found)

    def _forget(self) -> None:
        if len(self._records) <= 2 * KEPT:
            return
        kept = sorted(self._records.values(), key=lambda each: each.finished_at.timestamp() if each.finished_at else 0)
        self._records = {record.id: record for record in kept[-KEPT:]}


def _jobs(page: Page) -> Iterator[JobRecord]:
    """The jobs of a page that ended for good; what is none of our lines is passed over."""
    for entry, text in zip(page.ids, page.texts, strict=True):
        try:
            line = json.loads(text)
            if line["state"] in _FINAL:
                yield _record(line, _place(entry.decode())[0])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
            continue


def _record(line: Mapping[str, Any], ended_ms: int) -> JobRecord:
    """What a line of the history says of its job."""
    function, tags = _text(line.get("function")), line.get("tags")
    return JobRecord(
        id=str(line["job"]), state=_FINAL[line["state"]], queue=_text(line.get("queue")), function=function,
        label=_text(line.get("label")) or function, group=_text(line.get("group")),
        tags=tuple(map(_text, tags)) if isinstance(tags, list) else (),
        priority=int(line.get("priority") or 0), tries=int(line.get("tries") or 0),
        submitted_at=moment(line.get("submitted")), started_at=moment(line.get("started")),
        finished_at=moment(ended_ms), worker=_text(line.get("worker")), stopped_by=_text(line.get("stopped_by")),
        error_type=_text(line.get("error_type")), error=_text(line.get("error")),
    )  # fmt: skip


def _text(value: object) -> str:
    return str(value)[:CHARS] if value else ""


def _place(entry: str) -> tuple[int, int]:
    """The two numbers of an entry's id, for comparing; "(" before it does not count."""
    milliseconds, _, sequence = entry.lstrip("(").partition("-")
    return int(milliseconds), int(sequence or 0)
