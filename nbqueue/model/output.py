"""What stands for the result of a job until it is there: a handle among the arguments of another job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """Which results are meant."""

    #: the jobs, in order
    job_ids: tuple[str, ...]
    #: whether the list of all their results is meant, or the result of the one
    many: bool = False
    #: whether each of these is a list itself, whose items are meant
    flat: bool = False
    #: which server and namespace know the jobs; compared only
    place: tuple[str, ...] = ()


class Output:
    """Marks what becomes a result when it travels as part of a call: `Job`, `JobGroup` and what `.output` gives."""

    __slots__ = ()

    def __nbqueue_output__(self) -> StandIn:
        """Which results it stands for."""
        raise NotImplementedError
