"""What a dashboard does to jobs, groups and queues, each with its answer in words; which jobs a choice is true of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

from nbqueue.board import own, roster
from nbqueue.board.picked import Picked
from nbqueue.board.roster import Choice
from nbqueue.broker import changes, queues
from nbqueue.client import cancelling, changing, finding, grouping, removing, retrying
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.errors import JobError
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State

#: jobs that are found at most, to be selected
MOST = 100_000

Act = Callable[[Link, Picked], Coroutine[Any, Any, str]]


async def cancel(link: Link, picked: Picked) -> str:
    """Stop them."""
    return _counted(await cancelling.cancel_all(link, await picked.all(link)))


async def retry(link: Link, picked: Picked) -> str:
    """Submit those that have ended again, of groups those that did not succeed."""
    single = await retrying.retry_all(link, await _not_retried(link, picked))
    again, refused = len(single.drafts), list(single.refused.values())
    for group, members in (await picked.in_groups(link)).items():
        try:
            found = await grouping.retry_failed(link, [Job[Any](each, of=picked.session) for each in members], group)
        except JobError as error:
            refused.append(str(error))
        else:
            again += found.again if found else 0
    told = _counted({"submitted again": again, "not retried": len(refused)})
    return f"{told} ({refused[0]})" if refused else told if again else "there is nothing to retry"


async def promote(link: Link, picked: Picked) -> str:
    """Let those that wait start now."""
    answers = await changing.change_all(link, await picked.all(link), changes.promote)
    return _counted({"due now" if answer == "changed" else answer: count for answer, count in answers.items()})


async def delete(link: Link, picked: Picked) -> str:
    """Forget them."""
    answers = await removing.delete(link, await picked.all(link))
    return _counted({"run and go on" if answer == "running" else answer: count for answer, count in answers.items()})


DELETE = "Delete"
#: what can be done to jobs: name of the button -> what it does
JOBS: Mapping[str, Act] = {"Cancel": cancel, "Retry": retry, "Promote": promote, DELETE: delete}


async def act(link: Link, verb: str, picked: Picked, forget: Callable[[Collection[str]], None]) -> str:
    """Do to jobs and groups what the button of that name says; `forget` is told of those that are gone."""
    # of a group that is deleted nobody knows the jobs any more
    gone = await picked.all(link) if verb == DELETE else ()
    told = await JOBS[verb](link, picked)
    forget(gone)
    return told


async def pause(link: Link, queue: str) -> str:
    """Let no more jobs of a queue start."""
    await link.wire.ask(lambda client: queues.pause(client, link.wire.keys, queue))
    return "what runs goes on, nothing more starts"


async def resume(link: Link, queue: str) -> str:
    """Let them start again."""
    await link.wire.ask(lambda client: queues.resume(client, link.wire.keys, queue))
    return "its jobs start again"


async def matching(link: Link, choice: Choice) -> tuple[list[JobRecord], str]:
    """The records of all jobs that a choice is true of, and words where there are more than were looked through."""
    asked = finding.wanted(
        state=roster.STATES[choice.state], queue=choice.queue, function=choice.function, limit=MOST + 1
    )  # fmt: skip
    records = await finding.find(link, asked)
    is_cut, records = len(records) > MOST, records[:MOST]
    if choice.own:
        mine = await own.read(link)
        records = [record for record in records if mine.has(record)]
    cut = f", of the newest {MOST:,} that were looked through" if is_cut else ""
    return roster.wanted(records, choice), cut


async def _not_retried(link: Link, picked: Picked) -> list[str]:
    """The last retries of the jobs of no group, of those that were retried only what did not end well either."""
    newest = await retrying.newest_of(link, [record.id for record in await picked.singles(link)])
    return [
        record.id
        for job_id, record in newest.items()
        if record.id == job_id or (record.state.is_final and record.state is not State.SUCCEEDED)
    ]


def _counted(answers: Mapping[Any, int]) -> str:
    """How many had which answer."""
    return ", ".join(f"{count:,} {answer}" for answer, count in answers.items() if count) or "not known any more"
