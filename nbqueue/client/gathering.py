"""Collects the ends of many jobs with one watch, for everybody who waits for the group."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from nbqueue.client.answer import cut_off
from nbqueue.client.ended import Ended
from nbqueue.client.link import Link
from nbqueue.client.stream import Mailbox
from nbqueue.model.states import State


class Gathering:
    """The ends that came so far; one a group and process."""

    def __init__(self, job_ids: Sequence[str], told: Callable[[int, int], None] | None = None) -> None:
        """Args: the jobs, and who is told how many of how many have ended."""
        self._ids = job_ids
        self._told = told
        self._lock = threading.Lock()
        self._boxes: list[Mailbox[str]] = []
        self._order: list[str] = []
        self._broken = False
        #: job id -> its end
        self.ended: dict[str, Ended] = {}
        #: done when every job has ended
        self.all_ended: Future[None] = Future()
        #: done when the first job has ended otherwise than well, or all have ended
        self.settled: Future[None] = Future()
        if not job_ids:
            self._settle(len(job_ids))

    async def watch(self, link: Link) -> None:
        """Watch the jobs until all have ended."""
        if not self._ids:
            return
        if self._told is not None:
            self._told(0, len(self._ids))
        watch = link.ends.watch(self._ids, self._deliver)
        try:
            await asyncio.wrap_future(self.all_ended)
        finally:
            watch.stop()

    @property
    def is_broken(self) -> bool:
        """Whether watching ended before its time."""
        return self._broken

    @property
    def is_well(self) -> bool:
        """Whether all have succeeded."""
        return len(self.ended) == len(self._ids) and all(end.succeeded for end in self.ended.values())

    @property
    def states(self) -> dict[str, State]:
        """How those jobs ended that are known to have."""
        return {job_id: ended.state or State.CRASHED for job_id, ended in tuple(self.ended.items())}

    def begun(self, watch: Future[None]) -> None:
        """Tell those who wait where `watch` has failed."""
        error = cut_off() if watch.cancelled() else watch.exception()
        if error is not None:
            self.break_off(error)

    def mailbox(self) -> Mailbox[str]:
        """The ids in the order their jobs ended: those that have, then those that will."""
        box: Mailbox[str] = Mailbox()
        with self._lock:
            for job_id in self._order:
                box.put(job_id)
            if len(self._order) == len(self._ids):
                box.end()
            else:
                self._boxes.append(box)
        return box

    def drop(self, box: Mailbox[str]) -> None:
        """Nobody takes from it any more."""
        with self._lock:
            if box in self._boxes:
                self._boxes.remove(box)

    def break_off(self, error: BaseException) -> None:
        """Watching is not possible: tell everybody who waits."""
        with self._lock:
            boxes, self._boxes, self._broken = self._boxes, [], True
        for box in boxes:
            box.end(error)
        for future in (self.settled, self.all_ended):
            if not future.cancelled() and not future.done():
                future.set_exception(error)

    def _deliver(self, end: Ended) -> None:
        with self._lock:
            self.ended[end.job_id] = end
            self._order.append(end.job_id)
            boxes, count = tuple(self._boxes), len(self._order)
        if self._told is not None:
            self._told(count, len(self._ids))
        for box in boxes:
            box.put(end.job_id)
            if count == len(self._ids):
                box.end()
        if not end.succeeded or count == len(self._ids):
            self._settle(count)

    def _settle(self, count: int) -> None:
        if not self.settled.done():
            self.settled.set_result(None)
        if count == len(self._ids) and not self.all_ended.done():
            self.all_ended.set_result(None)
