"""A job followed live: its record, its progress and the end of its log, kept up to date by the portal's thread."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from nbqueue.broker import reported
from nbqueue.client.ended import Ended
from nbqueue.client.ends import fetch_ends
from nbqueue.client.link import Link
from nbqueue.client.log_tail import LogTail
from nbqueue.errors import BrokerUnavailable, NbqueueError
from nbqueue.model.events import Event, Logged, Progressed, StateChanged
from nbqueue.model.job import GONE, JobRecord, moment
from nbqueue.model.states import FAILURES, State
from nbqueue.model.trace import Trace

#: a worker stores what a job published within a second, its metrics over time within five; and a little for a busy
#: machine
STORED_S, TRACED_S = 1.5, 6.5


class Live:
    """What is known of a job now. Read it from any thread: reading never waits. `close()` it in the end."""

    def __init__(self, record: JobRecord) -> None:
        #: the job, with the latest progress
        self.record = record
        #: where its error was raised on the worker, once it has failed
        self.remote_traceback = ""
        #: how its metrics went in this attempt
        self.trace = Trace()
        #: whether the server cannot be reached at the moment
        self.reconnecting = False
        #: whether the end is known with all that was kept of it: progress and log too
        self.complete = False
        #: grows with each change
        self.version = 0
        self._link: Link | None = None
        self._closed = self._left = self._refreshing = self._stale = False
        self._progress_fence = self._trace_fence = -1
        self._log = LogTail()
        self._filling = False

    @property
    def log_tail(self) -> str:
        """The last lines of its log."""
        return self._log.text

    @property
    def now(self) -> datetime:
        """The server's time, as well as it is known."""
        return datetime.now(UTC) if self._link is None else self._link.now()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.record.state.is_final

    def close(self) -> None:
        """Follow it no longer; what is known stays readable."""
        self._closed = True
        if self._link is not None:
            self._link.soon(self._leave)

    async def begin(self, link: Link) -> None:
        """Begin to follow: listen first, then look, so that nothing falls between."""
        if self._closed:
            return
        self._link = link
        await link.channels.join(self.record.id, self.heard, self._listening)
        if self._closed:
            self._leave()
            return
        link.follow.join([self.record.id], self)
        await self._refresh()

    async def look(self) -> None:
        """Look once more, whoever looks besides, and wait for it; nothing is new where the server is away."""
        await self._refresh()

    def _listening(self) -> None:
        """Nothing is missed from now on: see later what was published before, and stored only after the next look."""
        for wait_s in (STORED_S, TRACED_S):
            self._look_in(wait_s)

    def _fill_hole(self) -> None:
        """See what was published and not heard, once it is stored."""
        if self._log.has_hole and not self._filling:
            self._filling = True
            self._look_in(STORED_S)

    def _look_in(self, wait_s: float) -> None:
        if self._link is not None:
            self._link.keep(self._look_later(wait_s))

    async def _look_later(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._filling = False
        if not self._left and not self._closed:
            self._look_again()

    def know(self, ended: Ended) -> None:
        """Take the end that somebody has in hand already; from any thread."""
        if ended.state is None or self.record.state.is_final:
            return
        said = ended.header.get("error") or {}
        self.remote_traceback = str(said.get("traceback") or "")
        self._set(
            replace(
                self.record, state=ended.state,
                error_type=str(said.get("type", "")), error=str(said.get("message", "")),
                started_at=moment(ended.header.get("started_ms")), finished_at=moment(ended.header.get("finished_ms")),
                stopped_by=str(ended.header.get("stopped_by", "")),
            )
        )  # fmt: skip

    def heard(self, event: Event) -> None:
        """Take what the job published."""
        if isinstance(event, Progressed) and event.fence >= self.record.fence:
            self._progress_fence = event.fence
            self._set(replace(self.record, progress=event.progress))
            self._note_metrics(event)
        elif isinstance(event, Logged):
            self._log.heard(event)
            self.version += 1
            self._fill_hole()

    def changed(self, change: StateChanged) -> None:
        """Show the new state at once, and look up the rest."""
        if self._left or self._is_behind(change.state):
            return
        if change.state is not self.record.state:
            self._set(replace(self.record, state=change.state, fence=max(change.fence, self.record.fence)))
        self._look_again()

    def lost(self, job_id: str) -> None:
        """The server forgot it: to be seen as what it is for its owner, a job that will not end well."""
        if not self.record.state.is_final:
            gone = f"the server no longer knows job {job_id}"
            self._set(replace(self.record, state=State.CRASHED, error_type=GONE, error=gone))
            self.complete = True
            self._leave()

    def connection(self, *, up: bool) -> None:
        """Say so while the server is away."""
        self.reconnecting = not up
        self.version += 1

    def failed(self, error: NbqueueError) -> None:
        """Say why it cannot be followed."""
        self.reconnecting = True
        self._set(replace(self.record, error_type=type(error).__name__, error=str(error)))

    def _look_again(self) -> None:
        """One look-up at a time; another one after it if something changed meanwhile."""
        self._stale = True
        if not self._refreshing and self._link is not None:
            self._refreshing = True
            self._link.keep(self._refresh())

    async def _refresh(self) -> None:
        self._refreshing = True
        try:
            while True:
                self._stale = False
                await self._look()
                if not self._stale:
                    break
        except BrokerUnavailable:
            return  # the follow notices it too, and tells all states again once the server is back
        finally:
            self._refreshing = False
        if self.complete:
            self._leave()

    async def _look(self) -> None:
        link, job_id = self._link, self.record.id
        if link is None:
            return
        [found] = await link.records([job_id])
        if found is None:
            return  # the follow tells of it, once it is sure
        log, log_bytes = await link.wire.ask(lambda client: reported.log_end(client, link.wire.keys, job_id))
        self._merge(found)
        known = self.log_tail
        self._log.kept(log, log_bytes, fence=found.fence, final=found.state.is_final)
        self.version += known != self.log_tail
        await self._recall(link, found)
        if found.state in FAILURES and not self.remote_traceback:
            [ended] = await fetch_ends(link.wire, [(job_id, found.fence)], 0.0)
            self.remote_traceback = str((ended.header.get("error") or {}).get("traceback") or "")
        self.complete = found.state.is_final
        if not self.complete:
            self._fill_hole()

    def _merge(self, found: JobRecord) -> None:
        """The server's record, with what was published since it was written."""
        if self._is_behind(found.state):
            return
        # of an end the record has the last progress; before it what was published is newer
        if self._progress_fence >= found.fence and not found.state.is_final:
            found = replace(found, progress=self.record.progress)
        if found != self.record:
            self._set(found)

    def _note_metrics(self, event: Progressed) -> None:
        if event.fence != self._trace_fence:
            # another attempt begins anew
            self.trace, self._trace_fence = Trace(), event.fence
        if event.progress.metrics and event.elapsed_s is not None:
            self.trace.add(event.elapsed_s, event.progress.metrics)

    async def _recall(self, link: Link, found: JobRecord) -> None:
        """How its metrics went when nobody listened, where there are some."""
        if not found.progress.metrics:
            return
        fence, series = await link.wire.ask(lambda client: reported.trace(client, link.wire.keys, found.id))
        if fence != found.fence or fence < self._trace_fence:
            return  # of an attempt before
        if fence > self._trace_fence:
            self.trace, self._trace_fence = Trace(), fence
        self.trace.recall(series)
        self.version += 1

    def _is_behind(self, state: State) -> bool:
        """Whether this is older than the end that is known."""
        return self.record.state.is_final and not state.is_final

    def _set(self, record: JobRecord) -> None:
        self.record = record
        self.version += 1

    def _leave(self) -> None:
        if self._link is not None and not self._left:
            self._left = True
            # nothing more is awaited, so nothing is missed while the server is away
            self.reconnecting = False
            self.version += 1
            self._link.follow.leave([self.record.id], self)
            self._link.keep(self._link.channels.leave(self.record.id, self.heard))
