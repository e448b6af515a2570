"""What the dashboard knows of groups: what the server counts of each, never their jobs one by one."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from nbqueue.board import group_row
from nbqueue.board.group_row import GroupRow
from nbqueue.broker import groups
from nbqueue.broker.groups import GroupCounts
from nbqueue.client.link import Link
from nbqueue.model.job import JobRecord

#: groups that are shown as one row; of others the jobs are
MOST = 200
#: the counts of a group that has ended may be so old
STALE_S = 5.0


class Groups:
    """The groups of the jobs that are known, read again as long as they move."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[GroupCounts, JobRecord]] = {}
        self._read_at: dict[str, float] = {}

    async def read(
        self, link: Link, records: Sequence[JobRecord], own: Iterable[str], ended: Collection[str]
    ) -> Mapping[str, GroupRow]:
        """The rows of groups by id.

        Args:
            link: whom to ask.
            records: jobs whose groups are wanted.
            own: ids of groups that are wanted besides.
            ended: ids of the jobs that are known to have ended last.
        """
        members: dict[str, list[JobRecord]] = {name: [] for name in own}
        for record in records:
            if record.group:
                members.setdefault(record.group, []).append(record)
        names = list(members)[:MOST]
        await self._read(link, [name for name in names if self._is_old(name)])
        self._found = {name: self._found[name] for name in names if name in self._found}
        self._read_at = {name: self._read_at[name] for name in names}
        return {name: group_row.row(*found, members[name], ended) for name, found in self._found.items()}

    def _is_old(self, name: str) -> bool:
        moves = name in self._found and self._found[name][0].left > 0
        return moves or time.monotonic() - self._read_at.get(name, -STALE_S) > STALE_S

    async def _read(self, link: Link, names: Sequence[str]) -> None:
        """Ask how these stand; one is gone where its first and its last job are."""
        wire, now = link.wire, time.monotonic()
        found = await wire.ask(lambda client: groups.counts_of_all(client, wire.keys, names))
        known = {name: each for name, each in zip(names, found, strict=True) if each is not None}
        asked = [name for name, each in known.items() if name not in self._found or not each.left]
        ends = await wire.ask(lambda client: groups.ends_of_all(client, wire.keys, asked))
        ids = [job_id for pair in ends for job_id in pair if job_id]
        records = dict(zip(ids, await link.records(ids), strict=True))
        ends_of = dict(zip(asked, ends, strict=True))
        for name in names:
            self._read_at[name] = now
            before, counts = self._found.pop(name, None), known.get(name)
            one = before[1] if before is not None else None
            if name in ends_of:
                first, last = ends_of[name]
                one = records.get(first) or records.get(last)
            if counts is not None and one is not None and one.group == name:
                self._found[name] = (counts, one)
