"""What was selected: jobs by themselves, and groups, whose jobs are asked for once something is done to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbqueue.board import group_row
from nbqueue.broker import groups
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.model.job import JobRecord


class Picked:
    """The rows that something is done to."""

    def __init__(self, names: Sequence[str], session: Session) -> None:
        """Args: the names of the rows; whom the handles of their jobs go by."""
        #: ids of jobs, and of groups
        self.jobs = tuple(name for name in names if not group_row.is_group(name))
        self.groups = tuple(group_row.group_of(name) for name in names if group_row.is_group(name))
        self.session = session

    @property
    def words(self) -> str:
        """How many of each: "2 jobs", "1 group", "2 jobs and 1 group"."""
        some = [counted(len(ids), word) for ids, word in ((self.jobs, "job"), (self.groups, "group")) if ids]
        return " and ".join(some)

    async def members(self, link: Link) -> Mapping[str, list[str]]:
        """The jobs of each group, in the order of their submit."""
        wire = link.wire
        found = await wire.ask(lambda client: groups.jobs_of_all(client, wire.keys, self.groups))
        return dict(zip(self.groups, found, strict=True))

    async def singles(self, link: Link) -> list[JobRecord]:
        """The jobs that were picked by themselves and belong to no group."""
        return [record for record in await self._records(link) if not record.group]

    async def in_groups(self, link: Link) -> Mapping[str, list[str]]:
        """By group its jobs that were picked: all of a group that was, and those that were by themselves."""
        found = {group: list(ids) for group, ids in (await self.members(link) if self.groups else {}).items()}
        for record in await self._records(link):
            if record.group and record.group not in self.groups:
                found.setdefault(record.group, []).append(record.id)
        return found

    async def _records(self, link: Link) -> list[JobRecord]:
        return [record for record in await link.records(self.jobs) if record is not None]

    async def all(self, link: Link) -> list[str]:
        """All jobs, each once."""
        members = await self.members(link) if self.groups else {}
        return list(dict.fromkeys((*self.jobs, *(job_id for ids in members.values() for job_id in ids))))


def counted(number: int, word: str) -> str:
    """So many of something: "1 job", "1,000 jobs"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
