"""What a dashboard does to jobs, groups and queues: each hands work to the client's thread, and ends in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

from nbqueue.board import acts, roster
from nbqueue.board.acts import DELETE, JOBS
from nbqueue.board.picked import Picked, counted
from nbqueue.board.roster import Choice
from nbqueue.broker import queues
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.display import wording
from nbqueue.notebook.board import exports
from nbqueue.notebook.board.exports import Saved

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
            records, cut = await acts.matching(link, choice)
            found([record.id for record in records])
            return f"{counted(len(records), 'job')} selected{cut}"

        self._say(f"{MATCHING} …")
        self._begin(MATCHING, searched)

    def export(self, choice: Choice, words: str, saved: Callable[[Saved], None]) -> None:
        """Ask the server for all jobs that a choice is true of, write them to a file, and hand on what it is."""
        here, now = Path.cwd(), datetime.now().astimezone()

        async def exported(link: Link) -> str:
            records, cut = await acts.matching(link, choice)
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
