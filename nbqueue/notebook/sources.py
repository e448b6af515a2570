"""Where a card's facts come from: the live record of a job, or the live counts of a group."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from nbqueue.model.advice import lack, no_worker
from nbqueue.model.job import JobRecord
from nbqueue.notebook import view, view_group, wording
from nbqueue.notebook.attendance import attendance
from nbqueue.notebook.view import CardView
from nbqueue.notebook.work import Answer, GroupLive, JobLive, ManyJobs, OneJob, Work

#: how long an end is waited for that was told already, how long the facts about it
FINAL_S, COMPLETE_S = 0.1, 1.0
#: and how often both are looked at
LOOK_S = 0.005


class Source:
    """One job or group as a sequence of card views."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._live: JobLive | GroupLive = work.live()
        self._draw = _of_job if isinstance(self._live, JobLive) else _of_group
        self._attendance = None if work.session is None else attendance(work.session)
        self._queued_since: float | None = None
        self._asked: Answer | None = None
        self._retried: Answer | None = None
        self._cancelling = False
        self._problem = ""
        #: what runs again in its place, once a retry was asked for and answered
        self.successor: Work | None = None

    @property
    def now(self) -> datetime:
        """The server's time, as well as it is known."""
        return self._live.now

    def facts(self) -> tuple[object, ...]:
        """Differs whenever there is something new to draw, but for the time that passes."""
        self._hear()
        hint = self._lack(self.now)
        asked = (self._cancelling, self._retried is not None, self._problem)
        return self._live.version, self._live.reconnecting, asked, hint

    def wait_until_known(self) -> None:
        """Wait until the server has told how it stands, for faces that do not follow; not for long."""
        began = time.monotonic()
        while not self._is_known() and time.monotonic() - began < COMPLETE_S:
            time.sleep(LOOK_S)

    def view(self, now: datetime | None = None) -> CardView:
        """What to draw now."""
        now = now or self.now
        found = self._draw(self._work, self._live, now, cancel_asked=self._cancelling, hint=self._lack(now))
        told = [note for note in (self._problem, "asks for a retry" if self.awaits else "") if note]
        return replace(found, id=self._work.id, notes=(*found.notes, *told), retrying=self.awaits)

    @property
    def ended(self) -> bool:
        """Whether the end is known."""
        return self._live.ended

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

    def retry(self) -> None:
        """Ask for another run; does not wait, and a second click changes nothing."""
        if self._retried is not None or self.successor is not None:
            return
        self._problem = ""
        try:
            if isinstance(self._work, ManyJobs):
                self._retried = self._work.retry_failed()
            elif isinstance(self._work, OneJob):
                self._retried = self._work.retry()
        except Exception as error:  # noqa: BLE001 - as for a cancel
            self._problem = wording.line(f"not retried: {error}")

    @property
    def awaits(self) -> bool:
        """Whether an answer is on its way."""
        return self._retried is not None

    def close(self) -> None:
        """Stop following."""
        self._live.close()

    def _is_known(self) -> bool:
        if not self._live.version:
            return False
        queue = self._waits_long_in(self.now)
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
            waits, queue, since = view_group.group_waits_for_worker(live.counts), self._work.queue, None
        if not (waits and queue) or live.reconnecting or self._attendance is None:
            self._queued_since = None
            return ""
        if self._queued_since is None:
            self._queued_since = time.monotonic()
        # what is seen here counts too: the server's clock may not be known yet
        seen_s = time.monotonic() - self._queued_since
        waited_s = seen_s if since is None else max(seen_s, (now - since).total_seconds())
        return queue if waited_s >= self._attendance.patience_s(queue) else ""

    def _hear(self) -> None:
        """Look whether a cancel was answered with an error, and a retry with what runs again."""
        if self._retried is not None and self._retried.done():
            retried, self._retried = self._retried, None
            try:
                found: Any = retried.wait(0)
            except Exception as error:  # noqa: BLE001 - the card says it
                self._problem = wording.line(f"not retried: {error}")
            else:
                self.successor = found
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


def _of_job(work: Work, live: Any, now: datetime, *, cancel_asked: bool, hint: str) -> CardView:
    record = live.record if live.record.label else replace(live.record, label=work.label)
    return view.of_job(
        record, now=now, log_tail=live.log_tail, remote_traceback=live.remote_traceback, trace=live.trace,
        reconnecting=live.reconnecting, cancel_asked=cancel_asked, hint=hint,
    )  # fmt: skip


def _of_group(work: Work, live: Any, now: datetime, *, cancel_asked: bool, hint: str) -> CardView:
    return view_group.of_group(
        live.counts, live.total, now=now, label=work.label, began_at=live.began_at, last_end_at=live.last_end_at,
        cancel_asked=cancel_asked, reconnecting=live.reconnecting, hint=hint, failures=live.failures,
        rates=live.rates(live.last_end_at or now if live.ended else now),
    )  # fmt: skip
