"""A job followed live: its record, its progress and the end of its log, kept up to date by the portal's thread."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nbqueue.broker import reported
from nbqueue.client.ended import Ended
from nbqueue.client.ends import fetch_ends
from nbqueue.client.link import Link
from nbqueue.errors import BrokerUnavailable, NbqueueError
from nbqueue.model.events import Event, Logged, Progressed, StateChanged
from nbqueue.model.job import JobRecord, moment
from nbqueue.model.states import FAILURES, State
from nbqueue.model.trace import Trace

#: lines and characters of the log that are kept at hand
TAIL_LINES = 200
TAIL_CHARACTERS = 50_000
#: a worker stores what a job published within a second; and a little for a busy machine
STORED_S = 1.5


class Live:
    """What is known of a job now. Read it from any thread: reading never waits. `close()` it in the end."""

    def __init__(self, record: JobRecord) -> None:
        #: the job, with the latest progress
        self.record = record
        #: the last lines of its log
        self.log_tail = ""
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
        self._recalled = False
        self._early_log: list[str] | None = None

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
        self._early_log = []
        await link.channels.join(self.record.id, self.heard)
        if self._closed:
            self._leave()
            return
        link.follow.join([self.record.id], self)
        await self._refresh()
        link.keep(self._catch_up())

    async def _catch_up(self) -> None:
        """See what was published just before and stored only after the first look."""
        await asyncio.sleep(STORED_S)
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
            if self._early_log is not None:
                self._early_log.append(event.text)
            self._set_log(self.log_tail + event.text)

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
            self._set(replace(self.record, state=State.CRASHED, error_type="JobLost", error=gone))
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
        log = await link.wire.ask(lambda client: reported.log_end(client, link.wire.keys, job_id))
        self._merge(found)
        self._merge_log(log, final=found.state.is_final)
        await self._recall(link, found)
        if found.state in FAILURES and not self.remote_traceback:
            [ended] = await fetch_ends(link.wire, [(job_id, found.fence)], 0.0)
            self.remote_traceback = str((ended.header.get("error") or {}).get("traceback") or "")
        self.complete = found.state.is_final

    def _merge(self, found: JobRecord) -> None:
        """The server's record, with what was published since it was written."""
        if self._is_behind(found.state):
            return
        # of an end the record has the last progress; before it what was published is newer
        if self._progress_fence >= found.fence and not found.state.is_final:
            found = replace(found, progress=self.record.progress)
        if found != self.record:
            self._set(found)

    def _merge_log(self, kept: str, *, final: bool) -> None:
        """The kept log, then what was published while it was fetched and is not in it yet."""
        if self._early_log is None and not final:
            return
        early, self._early_log = self._early_log or [], None
        known = next((count for count in range(len(early), 0, -1) if kept.endswith("".join(early[:count]))), 0)
        text = kept + "".join(early[known:])
        if text and text != self.log_tail:
            self._set_log(text)

    def _note_metrics(self, event: Progressed) -> None:
        if event.fence != self._trace_fence:
            # another attempt begins anew
            self.trace, self._trace_fence = Trace(), event.fence
        if event.progress.metrics and event.elapsed_s is not None:
            self.trace.add(event.elapsed_s, event.progress.metrics)

    async def _recall(self, link: Link, found: JobRecord) -> None:
        """How its metrics went before it was followed: once, when there are some."""
        if self._recalled or not found.progress.metrics:
            return
        fence, series = await link.wire.ask(lambda client: reported.trace(client, link.wire.keys, found.id))
        self._recalled = True
        if fence == found.fence and self._trace_fence in (-1, fence):
            self._trace_fence = fence
            self.trace.recall(series)
            self.version += 1

    def _is_behind(self, state: State) -> bool:
        """Whether this is older than the end that is known."""
        return self.record.state.is_final and not state.is_final

    def _set(self, record: JobRecord) -> None:
        self.record = record
        self.version += 1

    def _set_log(self, text: str) -> None:
        lines = text[-TAIL_CHARACTERS:].split("\n")
        self.log_tail = "\n".join(lines[-TAIL_LINES - 1 :])
        self.version += 1

    def _leave(self) -> None:
        if self._link is not None and not self._left:
            self._left = True
            # nothing more is awaited, so nothing is missed while the server is away
            self.reconnecting = False
            self.version += 1
            self._link.follow.leave([self.record.id], self)
            self._link.keep(self._link.channels.leave(self.record.id, self.heard))
