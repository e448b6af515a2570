"""Changing jobs that wait: due now or at another time, another priority; for one job and for many."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from nbqueue.broker import changes
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call
from nbqueue.client.link import Link, unknown
from nbqueue.client.pending import Pending
from nbqueue.client.wire import CHUNK_JOBS
from nbqueue.errors import ConfigurationError, JobError
from nbqueue.model import durations
from nbqueue.model.durations import Duration
from nbqueue.model.options import check

Changed = Literal["changed", "already running", "already finished", "waits for other jobs", "expires before"]

#: a change, for the keys of a server and some job ids
Change = Callable[[Keys, Sequence[str]], Call[list[str]]]

_ANSWERS: dict[str, Changed] = {
    changes.CHANGED: "changed",
    changes.RUNNING: "already running",
    changes.BLOCKED: "waits for other jobs",
    changes.LATE: "expires before",
}


class ChangesOne:
    """The verbs of one job."""

    __slots__ = ()
    id: str

    def promote(self) -> Pending[str]:
        """Let it start now, whatever its delay or its wait for another try; its priority counts as before.

        The answers of this and of the other changes: "changed", "already running", "already finished". Raises JobLost
        where the server does not know the job, and JobError where it waits for other jobs.
        """
        return self._change(changes.promote, f"making job {self.id} due")

    def reschedule(self, *, delay: Duration | None = None, at: datetime | None = None) -> Pending[str]:
        """Let it start `delay` seconds from now, or `at` a moment; on the server's clock, answers as of `promote`.

        Raises ConfigurationError, and changes nothing, where the job expires before that.
        """
        return self._change(due(delay, at), f"rescheduling job {self.id}")

    def set_priority(self, priority: int | str) -> Pending[str]:
        """Give it another priority; among equals it keeps its place. Answers as of `promote`."""
        return self._change(urgent(priority), f"setting the priority of job {self.id}")

    def _change(self, change: Change, what: str) -> Pending[str]:
        return self._begin(lambda link: change_one(link, self.id, change), what)

    @abstractmethod
    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, Any]], what: str) -> Pending[Any]:
        """Put something under way."""


class ChangesMany:
    """The same verbs of many jobs; each answers how many of them had which answer, unknown ones left out."""

    __slots__ = ()

    def promote(self) -> Pending[Mapping[str, int]]:
        """Let them start now, whatever their delays and waits; how many "changed", were "already running" and so on."""
        return self._change(changes.promote)

    def reschedule(self, *, delay: Duration | None = None, at: datetime | None = None) -> Pending[Mapping[str, int]]:
        """Let them start `delay` seconds from now, or `at` a moment; how many had which answer."""
        return self._change(due(delay, at))

    def set_priority(self, priority: int | str) -> Pending[Mapping[str, int]]:
        """Give them another priority, as the option takes it; how many had which answer."""
        return self._change(urgent(priority))

    def _change(self, change: Change) -> Pending[Mapping[str, int]]:
        ids = self._changed_ids()

        async def asked(link: Link) -> Mapping[str, int]:
            return {str(answer): count for answer, count in (await change_all(link, ids, change)).items()}

        return self._begin(asked, f"changing {len(ids):,} jobs")

    @abstractmethod
    def _changed_ids(self) -> Sequence[str]:
        """The jobs that are meant."""

    @abstractmethod
    def _begin(self, act: Callable[[Link], Coroutine[Any, Any, Any]], what: str) -> Pending[Any]:
        """Put something under way."""


def due(delay: Duration | None, at: datetime | None) -> Change:
    """The change to another time; exactly one of both is given."""
    if (delay is None) == (at is None):
        raise ConfigurationError(
            "reschedule takes delay= or at=, one of them: for example delay=60. promote() makes a job due now."
        )
    checked = check(delay=delay, at=at)
    return lambda keys, ids: changes.reschedule(keys, ids, delay_s=checked.delay, at=checked.at)


def urgent(priority: int | str) -> Change:
    """The change to another priority."""
    number = durations.priority(priority)
    return lambda keys, ids: changes.set_priority(keys, ids, number)


async def change_one(link: Link, job_id: str, change: Change) -> Changed:
    """Change one job. Raises JobLost where the server knows none of that id, JobError where it waits for others."""
    answers = await change_all(link, [job_id], change)
    if not answers:
        raise unknown(job_id)
    [answer] = answers
    if answer == "waits for other jobs":
        raise JobError(
            f"Job {job_id} waits for other jobs, which alone say when it may start: wait for them, or cancel it.",
            job_id=job_id,
        )
    if answer == "expires before":
        raise ConfigurationError(
            f"Job {job_id} cannot be put off so long: by its expires= it ends as expired before it may start. Give an "
            "earlier time, or cancel it and submit it anew."
        )
    return answer


async def change_all(link: Link, job_ids: Sequence[str], change: Change) -> Counter[Changed]:
    """Change jobs; how many got which answer. Unknown ones are left out."""
    answers: Counter[Changed] = Counter()
    for start in range(0, len(job_ids), CHUNK_JOBS):
        found = await link.wire.run(change(link.wire.keys, job_ids[start : start + CHUNK_JOBS]))
        answers.update(_ANSWERS.get(answer, "already finished") for answer in found if answer != changes.UNKNOWN)
    return answers
