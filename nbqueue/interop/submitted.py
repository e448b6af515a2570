"""Jobs whose submit is under way, for those who hold futures of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbqueue.client.ended import Ended
from nbqueue.client.endings import tell_ends
from nbqueue.client.handle import Job
from nbqueue.client.pending import Pending
from nbqueue.client.session import session


class Submitted:
    """One job or a group of them, or the error that kept them from being sent."""

    def __init__(self, pending: Pending[Any] | Exception) -> None:
        self._pending = pending
        self._session = session()
        self._jobs: Sequence[Job[Any]] = ()

    def job(self, number: int) -> Job[Any]:
        """The handle of the job of that number, once the server has accepted it."""
        if isinstance(self._pending, Exception):
            raise self._pending
        if not self._jobs:
            found = self._pending.wait()
            self._jobs = (found,) if isinstance(found, Job) else tuple(found)
        return self._jobs[number]

    def tell(self, told: Callable[[int, Job[Any], Ended], object], failed: Callable[[BaseException], object]) -> None:
        """Call `told` with the number of each job, its handle and its end; or `failed` once, where that cannot be."""
        if isinstance(self._pending, Exception):
            failed(self._pending)
        else:
            tell_ends(self._session, self._pending, told, failed)
