"""Handles as arguments: `job.output`, and which jobs a call takes the results of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from nbqueue.errors import ConfigurationError, PayloadTooLarge
from nbqueue.model.output import Output, StandIn
from nbqueue.model.settings import Settings

#: bytes that the ids of such jobs may take in a header: some 39,000 of ours
IDS_BYTES = 900_000
#: what JSON puts around each
_AROUND = 3


class ResultOf(Output):
    """`job.output`: stands for the result of a job, or the results of a group, in the arguments of another job."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Output) -> None:
        self._handle = handle

    def __nbqueue_output__(self) -> StandIn:
        return self._handle.__nbqueue_output__()

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"{self!r} has no {name!r}: it becomes the result as an argument of another job. Await the handle to have "
            "the result here.",
            name=name, obj=self,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<the result of {self._handle!r}>"

    def __reduce__(self) -> tuple[type[ResultOf], tuple[Output]]:
        return type(self), (self._handle,)


def place(settings: Settings) -> tuple[str, ...]:
    """Which server and namespace a session goes by."""
    return (settings.url or str(settings.home), settings.namespace)


def parents(settings: Settings, found: Sequence[StandIn], *, own_id: str | None = None) -> tuple[str, ...]:
    """The ids of the jobs that a call takes the results of, in order, each once."""
    here = place(settings)
    for each in found:
        if each.place != here and each.job_ids:
            raise ConfigurationError(
                f"The result of job {each.job_ids[0]} cannot be taken here: it belongs to another server or namespace. "
                "Await it, and pass what it gives."
            )
    ids = tuple(dict.fromkeys(job_id for each in found for job_id in each.job_ids))
    if own_id in ids:
        raise ConfigurationError(f'job_id="{own_id}" cannot be used: this job takes the result of that one.')
    size = sum(len(job_id) + _AROUND for job_id in ids)
    if size > IDS_BYTES:
        raise PayloadTooLarge(
            f"A job cannot take the results of {len(ids):,} others: their ids take {size:,} bytes, and {IDS_BYTES:,} "
            "are allowed. Gather them in several jobs first.",
            size_bytes=size, limit_bytes=IDS_BYTES,
        )  # fmt: skip
    return ids
