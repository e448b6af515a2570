"""Jobs and groups that others wait for, as ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.pending import Pending
from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown


def ids_of(after: object) -> list[str]:
    """The ids of `after=`: of jobs, of groups, or as they were given."""
    if isinstance(after, str | Job | JobGroup | Pending):
        after = [after]
    if not isinstance(after, Iterable):
        raise ConfigurationError(f"after={shown(after)} cannot be used: give a list of jobs, groups or their ids.")
    return [each for item in after for each in _ids(item)]


def _ids(item: Any) -> tuple[str, ...]:
    if isinstance(item, Job):
        return (item.id,)
    if isinstance(item, JobGroup):
        return item.awaited_ids
    if isinstance(item, Pending):
        raise ConfigurationError(f"after holds {shown(item)}: await it first, so that there is a job to wait for.")
    if isinstance(item, str):
        return (item,)
    raise ConfigurationError(f"after holds {shown(item)}: give jobs, groups or their ids.")
