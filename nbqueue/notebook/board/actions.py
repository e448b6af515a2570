"""What a dashboard does to jobs, groups and queues: each hands work to the client's thread, and ends in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

from nbqueue.board import own, roster
from nbqueue.board.picked import Picked, counted
from nbqueue.board.roster import Choice
from nbqueue.broker import changes, queues
from nbqueue.client import cancelling, changing, finding, grouping, removing, retrying
from nbqueue.client.handle import Job
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.display import wording
from nbqueue.errors import JobError
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.notebook.board import exports
from nbqueue.notebook.board.exports import Saved

#: jobs that are found at most, to be selected
MOST = 100_000

Act = Callable[[Link, Picked], Coroutine[Any, Any, str]]


async def _cancel(link: Link, picked: Picked) -> str:
    return _counted(await cancelling.cancel_all(link, await picked.all(link)))


async def _retry(link: Link, picked: Picked) -> str:
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


async def _not_retried(link: Link, picked: Picked) -> list[str]:
    """The last retries of the jobs of no group, of those that were retried only what did not end well either."""
    newest = await retrying.newest_of(link, [record.id for record in await picked.singles(link)])
    return [
        record.id
        for job_id, record in newest.items()
        if record.id == job_id or (record.state.is_final and record.state is not State.SUCCEEDED)
    ]


async def _promote(link: Link, picked: Picked) -> str:
    answers = await changing.change_all(link, await picked.all(link), changes.promote)
    return _counted({"due now" if answer == "changed" else answer: count for answer, count in answers.items()})


async def _delete(link: Link, picked: Picked) -> str:
    answers = await removing.delete(link, await picked.all(link))
    return _counted({"run and go on" if answer == "running" else answer: count for answer, count in answers.items()})


DELETE = "Delete"
#: what can be done to jobs: name of the button -> what it does
JOBS: Mapping[str, Act] = {"Cancel": _cancel, "Retry": _retry, "Promote": _promote, DELETE: _delete}
#: buttons for selected jobs that do nothing in the server
OPEN, CLEAR = "Open card", "Clear selection"
#: selects what is not on the page too
MATCHING = "Select all that match"
#: writes it to a file
EXPORT = "Export"


class Actions:
    """Begins what a click asks for, and says how it went. Nothing here waits or raises."""

    def __init__(
        self, session: Session, say: Callable[[str], None], done: Callable[[], None],
        forget: Callable[[Sequence[str]], None],
    ) -> None:  # fmt: skip
        """Args: whom to ask; whom to tell; called when something has changed in the server, and with what is gone."""
        self._session = session
        self._say, self._done, self._forget = say, done, forget

    def act(self, verb: str, names: Sequence[str]) -> None:
        """Do to jobs and groups what the button of that name says."""
        picked = Picked(names, self._session)
        self._say(f"{verb} {picked.words} …")

        async def acted(link: Link) -> str:
            # of a group that is deleted nobody knows the jobs any more
            gone = await picked.all(link) if verb == DELETE else ()
            told = await JOBS[verb](link, picked)
            self._forget(gone)
            return told

        self._begin(f"{verb} {picked.words}", acted)

    def find(self, choice: Choice, found: Callable[[Sequence[str]], None]) -> None:
        """Ask the server for all jobs that a choice is true of, and hand on their ids."""

        async def searched(link: Link) -> str:
            records, cut = await _matching(link, choice)
            found([record.id for record in records])
            return f"{counted(len(records), 'job')} selected{cut}"

        self._say(f"{MATCHING} …")
        self._begin(MATCHING, searched)

    def export(self, choice: Choice, words: str, saved: Callable[[Saved], None]) -> None:
        """Ask the server for all jobs that a choice is true of, write them to a file, and hand on what it is."""
        here, now = Path.cwd(), datetime.now().astimezone()

        async def exported(link: Link) -> str:
            records, cut = await _matching(link, choice)
            ordered = roster.ordered(records, choice)
            file = await asyncio.to_thread(exports.save, ordered, exports.FORMATS[words], here, now)
            saved(file)
            return f"{counted(len(records), 'job')}{cut} written to {file.path.name}"

        self._say(f"{EXPORT} …")
        self._begin(EXPORT, exported)

    def pause(self, queue: str) -> None:
        """Let no more jobs of a queue start."""

        async def paused(link: Link) -> str:
            await link.wire.ask(lambda client: queues.pause(client, link.wire.keys, queue))
            return "what runs goes on, nothing more starts"

        self._begin(f"Pause {queue}", paused)

    def resume(self, queue: str) -> None:
        """Let them start again."""

        async def resumed(link: Link) -> str:
            await link.wire.ask(lambda client: queues.resume(client, link.wire.keys, queue))
            return "its jobs start again"

        self._begin(f"Resume {queue}", resumed)

    def _begin(self, what: str, act: Callable[[Link], Coroutine[Any, Any, str]]) -> None:
        try:
            future = self._session.promise(act)
        except Exception as error:  # noqa: BLE001 - called by a click: nobody else would show it
            self._refuse(what, error)
        else:
            future.add_done_callback(lambda answered: self._tell(what, answered))

    def _tell(self, what: str, answered: Future[str]) -> None:
        error = None if answered.cancelled() else answered.exception()
        if error is not None or answered.cancelled():
            self._refuse(what, error or TimeoutError("it was stopped"))
        else:
            self._say(wording.line(f"{what}: {answered.result()}", 400))
        self._done()

    def _refuse(self, what: str, error: BaseException) -> None:
        self._say(wording.line(f"{what}: not done: {error}", 400))


async def _matching(link: Link, choice: Choice) -> tuple[list[JobRecord], str]:
    """Their records, and words where there are more jobs than were looked through."""
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


def _counted(answers: Mapping[Any, int]) -> str:
    """How many had which answer."""
    return ", ".join(f"{count:,} {answer}" for answer, count in answers.items() if count) or "not known any more"
