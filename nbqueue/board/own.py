"""Whose jobs are seen: those of the notebook, as far as the server lists them; the ones that `attach()` finds."""

from __future__ import annotations

from collections.abc import Iterable

from nbqueue.board import group_row
from nbqueue.broker import owners
from nbqueue.client.link import Link
from nbqueue.client.origin import origin
from nbqueue.model.job import JobRecord


class Own:
    """What one notebook has submitted, newest first."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Args: jobs, and groups that stand for theirs, as the server lists them."""
        listed = tuple(names)
        #: ids of jobs
        self.jobs = tuple(name for name in listed if not group_row.is_group(name))
        #: ids of groups
        self.groups = tuple(group_row.group_of(name) for name in listed if group_row.is_group(name))
        self._known = {*self.jobs, *self.groups}

    def has(self, record: JobRecord) -> bool:
        """Whether a job is one of these."""
        return record.id in self._known or (bool(record.group) and record.group in self._known)


async def read(link: Link) -> Own:
    """What this notebook has submitted; where the front end does not tell its name, the user in this folder."""
    wire, mine = link.wire, origin()
    return Own(await wire.ask(lambda client: owners.owned(client, wire.keys, mine)))


def in_words() -> str:
    """Whose these are, for people."""
    return "this notebook" if origin().notebook else "you in this folder"
