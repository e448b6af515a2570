"""Where a card's facts come from: the live record of a job, or the live counts of a group."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from nbqueue.model.advice import lack, no_worker
from nbqueue.model.job import JobRecord
from nbqueue.model.states import State
from nbqueue.notebook import view, wording
from nbqueue.notebook.attendance import Asked, attendance
from nbqueue.notebook.view import CardView

#: how long an end is waited for that was told already, how long the facts about it
FINAL_S, COMPLETE_S = 0.1, 1.0
#: and how often both are looked at
LOOK_S = 0.005


class Live(Protocol):
    """Facts that a background thread keeps up to date; reading them never waits."""

    @property
    def complete(self) -> bool:
        """Whether the end is known with all that was kept of it."""
        ...

    @property
    def version(self) -> int:
        """Grows with each change."""
        ...

    @property
    def reconnecting(self) -> bool:
        """Whether the server cannot be reached at the moment."""
        ...

    def close(self) -> None:
        """Stop following."""
        ...


@runtime_checkable
class JobLive(Live, Protocol):
    """The facts of one job."""

    @property
    def record(self) -> JobRecord:
        """What is known of it now."""
        ...

    @property
    def log_tail(self) -> str:
        """The last lines of its log."""
        ...


@runtime_checkable
class GroupLive(Live, Protocol):
    """The facts of a group."""

    @property
    def counts(self) -> Mapping[State, int]:
        """State -> number of its jobs."""
        ...

    @property
    def total(self) -> int:
        """Jobs in all."""
        ...

    @property
    def began_at(self) -> datetime | None:
        """When its first job started."""
        ...

    @property
    def last_end_at(self) -> datetime | None:
        """When the last of those that have ended did."""
        ...


class Answer(Protocol):
    """The answer to a cancel, which is on its way."""

    def done(self) -> bool:
        """Whether it is here."""
        ...

    def wait(self, timeout: float | None = None) -> object:
        """The answer; raises what went wrong."""
        ...


class Work(Protocol):
    """A job or a group: what a card is shown for."""

    @property
    def id(self) -> str:
        """Names it."""
        ...

    @property
    def label(self) -> str:
        """The name of its function."""
        ...

    @property
    def queue(self) -> str:
        """Its queue as far as known; empty where it is not."""
        ...

    @property
    def session(self) -> Asked | None:
        """Who asks the server about it, if anybody does."""
        ...

    def live(self) -> Any:
        """Begin to follow it: a JobLive or a GroupLive."""
        ...

    def cancel(self) -> Answer:
        """Ask for its end; acts when called and does not wait."""
        ...


class Source:
    """One job or group as a sequence of card views."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._live: JobLive | GroupLive = work.live()
        self._draw = _of_job if isinstance(self._live, JobLive) else _of_group
        self._attendance = None if work.session is None else attendance(work.session)
        self._queued_since: float | None = None
        self._asked: Answer | None = None
        self._cancelling = False
        self._problem = ""

    def facts(self) -> tuple[object, ...]:
        """Differs whenever there is something new to draw, but for the time that passes."""
        self._hear()
        hint = self._lack(datetime.now(UTC))
        return self._live.version, self._live.reconnecting, self._cancelling, self._problem, hint

    def wait_until_known(self) -> None:
        """Wait until the server has told how it stands, for faces that do not follow; not for long."""
        began = time.monotonic()
        while not self._is_known() and time.monotonic() - began < COMPLETE_S:
            time.sleep(LOOK_S)

    def view(self, now: datetime | None = None) -> CardView:
        """What to draw now."""
        now = now or datetime.now(UTC)
        found = self._draw(self._live, now, self._work.label, cancel_asked=self._cancelling, hint=self._lack(now))
        return replace(found, notes=(*found.notes, self._problem)) if self._problem and not found.final else found

    @property
    def ended(self) -> bool:
        """Whether the end is known."""
        if isinstance(self._live, JobLive):
            return self._live.record.state.is_final
        return sum(count for state, count in self._live.counts.items() if state.is_final) >= self._live.total

    @property
    def complete(self) -> bool:
        """Whether it is known with all its facts; the state comes first, the rest a moment later."""
        return self.ended and self._live.complete

    def cancel(self) -> None:
        """Ask for the end of the work; the card says "cancelling" from now on. Does not wait."""
        self._cancelling, self._problem = True, ""
        try:
            self._asked = self._work.cancel()
        except Exception as error:  # noqa: BLE001 - called by a click: nobody else would show it
            self._refuse(error)

    def close(self) -> None:
        """Stop following."""
        self._live.close()

    def _is_known(self) -> bool:
        if not self._live.version:
            return False
        queue = self._waits_long_in(datetime.now(UTC))
        return not queue or self._attendance is None or self._attendance.offers() is not None

    def _lack(self, now: datetime) -> str:
        """What it has waited for in vain so long, and no worker has, as far as known; or nothing."""
        queue = self._waits_long_in(now)
        offers = self._attendance.offers() if queue and self._attendance is not None else None
        if offers is None:
            return ""
        if isinstance(self._live, JobLive):
            return lack(self._live.record, offers)
        return no_worker(queue) if queue not in offers else ""

    def _waits_long_in(self, now: datetime) -> str:
        """The queue in which it waits for what maybe no worker has, so long that it is worth a question; or none."""
        live = self._live
        if isinstance(live, JobLive):
            waits = live.version > 0 and live.record.may_lack
            queue, since = live.record.queue, _due_at(live.record)
        else:
            waits, queue, since = view.group_waits_for_worker(live.counts), self._work.queue, None
        if not (waits and queue) or live.reconnecting or self._attendance is None:
            self._queued_since = None
            return ""
        if self._queued_since is None:
            self._queued_since = time.monotonic()
        # what is seen here counts too: the server's clock may be another
        seen_s = time.monotonic() - self._queued_since
        waited_s = seen_s if since is None else max(seen_s, (now - since).total_seconds())
        return queue if waited_s >= self._attendance.patience_s(queue) else ""

    def _hear(self) -> None:
        """Look whether the cancel was answered with an error."""
        if self._asked is None or not self._asked.done():
            return
        asked, self._asked = self._asked, None
        try:
            asked.wait(0)
        except Exception as error:  # noqa: BLE001 - the card says it
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        self._cancelling = False
        self._problem = wording.line(f"not cancelled: {error}")


def wait_for_end(*sources: Source) -> None:
    """Wait until ends that were told are known here too: first the state, then the facts about it.

    Both are on their way, so this takes milliseconds; a group may go on after the failure that ended a wait for it.
    """
    began = time.monotonic()
    while late := [source for source in sources if not source.complete]:
        if time.monotonic() - began > (COMPLETE_S if any(source.ended for source in late) else FINAL_S):
            return
        time.sleep(LOOK_S)


def _due_at(record: JobRecord) -> datetime | None:
    """Since when it could have started; None where only this process knows: not yet told, or given back by a worker."""
    known = [at for at in (record.submitted_at, record.due_at) if at is not None]
    return max(known) if known and record.started_at is None else None


def _of_job(live: Any, now: datetime, label: str, *, cancel_asked: bool, hint: str) -> CardView:
    record = live.record if live.record.label else replace(live.record, label=label)
    return view.of_job(
        record, now=now, log_tail=live.log_tail, reconnecting=live.reconnecting, cancel_asked=cancel_asked,
        hint=hint,
    )  # fmt: skip


def _of_group(live: Any, now: datetime, label: str, *, cancel_asked: bool, hint: str) -> CardView:
    return view.of_group(
        live.counts, live.total, now=now, label=label, began_at=live.began_at, last_end_at=live.last_end_at,
        cancel_asked=cancel_asked, reconnecting=live.reconnecting, hint=hint,
    )  # fmt: skip
