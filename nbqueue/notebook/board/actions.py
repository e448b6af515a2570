"""What a dashboard does to jobs and queues: each hands work to the client's thread, and ends in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from nbqueue.broker import changes, queues
from nbqueue.client import cancelling, changing, removing, retrying
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.notebook import wording

Act = Callable[[Link, Sequence[str]], Coroutine[Any, Any, str]]


async def _cancel(link: Link, ids: Sequence[str]) -> str:
    return _counted(await cancelling.cancel_all(link, ids))


async def _retry(link: Link, ids: Sequence[str]) -> str:
    found = await retrying.retry_all(link, ids)
    retried = _counted({"submitted again": len(found.drafts), "not retried": len(found.refused)})
    return f"{retried} ({next(iter(found.refused.values()))})" if found.refused else retried


async def _promote(link: Link, ids: Sequence[str]) -> str:
    answers = await changing.change_all(link, ids, changes.promote)
    return _counted({"due now" if answer == "changed" else answer: count for answer, count in answers.items()})


async def _delete(link: Link, ids: Sequence[str]) -> str:
    answers = await removing.delete(link, ids)
    return _counted({"run and go on" if answer == "running" else answer: count for answer, count in answers.items()})


#: what can be done to jobs: name of the button -> what it does
JOBS: Mapping[str, Act] = {"Cancel": _cancel, "Retry": _retry, "Promote": _promote, "Delete": _delete}
#: buttons for selected jobs that do nothing in the server
OPEN, CLEAR = "Open card", "Clear selection"


class Actions:
    """Begins what a click asks for, and says how it went. Nothing here waits or raises."""

    def __init__(self, session: Session, say: Callable[[str], None], done: Callable[[], None]) -> None:
        """Args: whom to ask; whom to tell; what to call when something has changed in the server."""
        self._session = session
        self._say, self._done = say, done

    def act(self, verb: str, ids: Sequence[str]) -> None:
        """Do to jobs what the button of that name says."""
        jobs = f"{len(ids):,} {'job' if len(ids) == 1 else 'jobs'}"
        self._say(f"{verb} {jobs} …")
        self._begin(f"{verb} {jobs}", lambda link: JOBS[verb](link, ids))

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


def _counted(answers: Mapping[Any, int]) -> str:
    """How many had which answer."""
    return ", ".join(f"{count:,} {answer}" for answer, count in answers.items() if count) or "not known any more"
