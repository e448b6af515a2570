"""What a key or a click asks for: each act hands work to the client's thread, and ends in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from nbqueue.board import acts
from nbqueue.board.picked import Picked
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.display import wording
from nbqueue.errors import AccessDenied

#: what is said where the role of the user is to look
NO_RIGHT = "the server gives this user no right to do that"


class Actions:
    """Begins what is asked for, and says how it went. Nothing here waits or raises."""

    def __init__(
        self, session: Session, say: Callable[[str], None], done: Callable[[], None],
        forget: Callable[[Collection[str]], None],
    ) -> None:  # fmt: skip
        """Args: whom to ask; whom to tell; called when something has changed in the server, and with what is gone."""
        self._session = session
        self._say, self._done, self._forget = say, done, forget

    def act(self, verb: str, names: Sequence[str]) -> None:
        """Do to jobs and groups what the button of that name says."""
        picked = Picked(names, self._session)
        self._say(f"{verb} {picked.words} …")
        self._begin(f"{verb} {picked.words}", lambda link: acts.act(link, verb, picked, self._forget))

    def pause(self, queue: str) -> None:
        """Let no more jobs of a queue start."""
        self._begin(f"Pause {queue}", lambda link: acts.pause(link, queue))

    def resume(self, queue: str) -> None:
        """Let them start again."""
        self._begin(f"Resume {queue}", lambda link: acts.resume(link, queue))

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
        lacks_right = isinstance(error, AccessDenied) and error.lacks_right
        self._say(wording.line(f"{what}: not done: {NO_RIGHT if lacks_right else error}", 400))
