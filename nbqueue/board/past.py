"""The jobs that have ended, read from the history a few pages at a time: what is new, and further and further back."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from nbqueue.board.activity import Activity
from nbqueue.board.ended import Ended
from nbqueue.broker import history
from nbqueue.broker.history import Ask, Page
from nbqueue.broker.keys import Keys
from nbqueue.model.job import JobRecord, moment
from nbqueue.model.states import FINAL, State

#: pages of the history that one look reads at most: what is new, and what is older
NEW_PAGES, OLD_PAGES = 8, 6
#: attempts of the history that are looked through for names; for the chart further ones may be counted
MOST_ATTEMPTS = 60_000
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
        self._ended = Ended()
        # attempts that were looked through for names, and whether the history has no more
        self._read, self._is_whole = 0, False

    @property
    def records(self) -> Mapping[str, JobRecord]:
        """Those that have ended, by id."""
        return self._ended.records

    @property
    def older(self) -> frozenset[State]:
        """The states of which more jobs may have ended than are known."""
        return self._ended.cut if self._is_whole else FINAL

    async def read_new(self) -> None:
        """Take what has ended since the last look."""
        newest, left = self._newest, NEW_PAGES
        async for page in history.pages_back(self._ask, self._keys, start=self._newest):
            if page.ids:
                newest = max(newest, "(" + page.ids[-1].decode(), key=_place)
            for record in _jobs(page):
                self._ended.put(record)
            left -= 1
            if not left:
                self._ended.cut = FINAL
                break
        self._newest = newest
        self._ended.shrink()

    async def read_old(self, since_ms: int, ever: Mapping[State, int]) -> None:
        """Read some pages further back, as long as there is something to find: ends since then, or names.

        Args:
            since_ms: ends since then are counted.
            ever: how many jobs have ever ended in which state.
        """
        if self._older is None:
            self._older = history.pages_back(self._ask, self._keys, end=str(self._activity.began_ms))
        for _ in range(OLD_PAGES):
            wants_names = self._read < MOST_ATTEMPTS and self._ended.has_room(ever)
            if self._activity.known_from_ms <= since_ms and not wants_names:
                return
            page = await anext(self._older, None)
            if page is None:
                self._activity.known_from_ms, self._is_whole = 0, True
                return
            self._take_old(page)

    async def close(self) -> None:
        """Read no more."""
        if self._older is not None:
            await self._older.aclose()

    def drop(self, job_id: str) -> None:
        """Forget one that the server knows no longer."""
        self._ended.drop(job_id)

    def put(self, record: JobRecord) -> None:
        """All that is known of one that has ended."""
        self._ended.put(record)

    def _take_old(self, page: Page) -> None:
        found = list(_jobs(page))
        for record in found:
            if record.finished_at is not None:
                self._activity.add(round(record.finished_at.timestamp() * 1000), record.queue, record.state)
        self._ended.put_old(reversed(found))
        self._read += len(page.texts)
        if page.ids:
            self._activity.known_from_ms = min(self._activity.known_from_ms, _place(page.ids[0].decode())[0])


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
