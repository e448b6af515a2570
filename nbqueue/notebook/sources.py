"""Where a card's facts come from: the live record of a job, or the live counts of a group."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from nbqueue.display import view, view_group, wording
from nbqueue.display.view import CardView
from nbqueue.model import holdup
from nbqueue.model.advice import PATIENCE_S, lack
from nbqueue.model.holdup import Standing
from nbqueue.model.job import JobRecord
from nbqueue.model.states import WaitReason
from nbqueue.notebook.attendance import attendance
from nbqueue.notebook.work import Answer, GroupLive, JobLive, ManyJobs, OneJob, Work

#: how long an end is waited for that was told already, how long the facts about it
FINAL_S, COMPLETE_S = 0.1, 1.0
#: and how often both are looked at
LOOK_S = 0.005


class Source:
    """One job or group as a sequence of card views."""

    def __init__(self, work: Work, *, retry_of: str = "") -> None:
        """Args: what it shows; the id of what that is a retry of, where its card has shown that before."""
        self._work = work
        self._retry_of = retry_of
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
        asked = (self._cancelling, self._retried is not None, self._problem)
        return self._live.version, self._live.reconnecting, asked, self._held_up(self.now)

    def wait_until_known(self) -> None:
        """Wait until the server has told how it stands, for faces that do not follow; not for long."""
        began = time.monotonic()
        while not self._is_known() and time.monotonic() - began < COMPLETE_S:
            time.sleep(LOOK_S)

    def view(self, now: datetime | None = None) -> CardView:
        """What to draw now."""
        now = now or self.now
        hint, why = self._held_up(now)
        own = {"record": self._record(now)} if isinstance(self._live, JobLive) else {"paused": self._is_paused(now)}
        found = self._draw(self._work, self._live, now, cancel_asked=self._cancelling, hint=hint, why=why, **own)
        told = (self._problem, "asks for a retry" if self.awaits else "", self._kin(found))
        notes = (*found.notes, *(note for note in told if note))
        return replace(found, id=self._work.id, notes=notes, retrying=self.awaits, retried=bool(self._retried_by))

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
        """Ask for another run, or for the one that was asked for elsewhere; does not wait.

        A second click changes nothing.
        """
        if self._retried is not None or self.successor is not None:
            return
        self._problem = ""
        try:
            if isinstance(self._work, ManyJobs) and not self._retried_by:
                # one that was retried before is not retried once more
                self._retried = self._work.retry_failed()
            elif isinstance(self._work, OneJob | ManyJobs):
                self._retried = self._work.newest()
        except Exception as error:  # noqa: BLE001 - as for a cancel
            self._problem = wording.line(f"not retried: {error}")

    def successor_source(self) -> Source:
        """What follows the work that runs in its place."""
        assert self.successor is not None  # noqa: S101 - asked for once there is one
        return Source(self.successor, retry_of=self._retry_of or self._work.id)

    @property
    def awaits(self) -> bool:
        """Whether an answer is on its way."""
        return self._retried is not None

    def close(self) -> None:
        """Stop following."""
        self._live.close()

    @property
    def _retried_by(self) -> str:
        """What runs in its place, as far as known; empty where it was not retried."""
        return self._live.record.retried_by if isinstance(self._live, JobLive) else self._live.retried_by

    def _kin(self, found: CardView) -> str:
        """Which retry there is, or what this is a retry of, and how to have it in code."""
        told = f"retried as {self._retried_by}" if self._retried_by else f"retry of {self._retry_of}"
        if not (self._retried_by or self._retry_of):
            return ""
        return f"{told}: {'group = await group' if found.many else 'job = await job'}.newest()"

    def _is_known(self) -> bool:
        if not self._live.version or self._live.ended:
            return self.complete
        queue, waited_s = self._waits_in(self.now)
        return waited_s < PATIENCE_S or self._attendance is None or self._standing(queue) is not None

    def _standing(self, queue: str) -> Standing | None:
        """How things stand for it, as far as that is known."""
        return None if self._attendance is None else self._attendance.standing(queue, self._waiting)

    @property
    def _waiting(self) -> str:
        """The id of the job that waits, of a group one for all."""
        return self._work.id if isinstance(self._live, JobLive) else self._live.waits

    def _held_up(self, now: datetime) -> tuple[str, str]:
        """What it has waited for in vain so long, and no worker has; and why else it waits: as far as known."""
        queue, waited_s = self._waits_in(now)
        standing = self._standing(queue) if waited_s >= PATIENCE_S else None
        if standing is None or self._attendance is None:
            return "", ""
        if isinstance(self._live, JobLive):
            lacks = lack(self._record(now), standing.offers)
        else:
            lacks = holdup.lack_at(standing, queue, self._waiting)
        why = holdup.why(standing, queue, self._waiting)
        # a worker may be on its way
        return (lacks, "") if lacks and waited_s >= self._attendance.patience_s(queue) else ("", why)

    def _record(self, now: datetime) -> JobRecord:
        """What is known of the job, with the pause of its queue as it is now: of that no job is told."""
        record: JobRecord = self._live.record  # type: ignore[union-attr]
        paused = self._is_paused(now)
        if paused is None or record.reason not in (None, WaitReason.PAUSED):
            return record
        return replace(record, reason=WaitReason.PAUSED if paused else None)

    def _is_paused(self, now: datetime) -> bool | None:
        """Whether the queue is paused in which it waits; None where that is not known, or it does not wait."""
        queue, waited_s = self._waits_in(now)
        standing = self._standing(queue) if waited_s >= PATIENCE_S else None
        return None if standing is None else queue in standing.paused

    def _waits_in(self, now: datetime) -> tuple[str, float]:
        """The queue in which it is ready or waits for others, and since how many seconds; -1 where it does not."""
        live = self._live
        if isinstance(live, JobLive):
            waits = live.version > 0 and live.record.may_be_held_up
            queue, since = live.record.queue, _due_at(live.record)
        else:
            waits, queue, since = view_group.group_waits_for_worker(live.counts), self._work.queue, None
        if not (waits and queue) or live.reconnecting or self._attendance is None:
            self._queued_since = None
            return "", -1.0
        if self._queued_since is None:
            self._queued_since = time.monotonic()
        # what is seen here counts too: the server's clock may not be known yet
        seen_s = time.monotonic() - self._queued_since
        return queue, seen_s if since is None else max(seen_s, (now - since).total_seconds())

    def _hear(self) -> None:
        """Look whether a cancel was answered with an error, and a retry with what runs again."""
        if self._retried is not None and self._retried.done():
            retried, self._retried = self._retried, None
            try:
                self._take_retry(retried.wait(0))
            except Exception as error:  # noqa: BLE001 - the card says it
                self._problem = wording.line(f"not retried: {error}")
        if self._asked is None or not self._asked.done():
            return
        asked, self._asked = self._asked, None
        try:
            asked.wait(0)
        except Exception as error:  # noqa: BLE001 - the card says it
            self._refuse(error)

    def _take_retry(self, found: Any) -> None:
        if isinstance(self._work, OneJob) and found.id == self._work.id:
            # nobody has retried it before
            self._retried = self._work.retry()
        else:
            self.successor = found

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


def _of_job(
    work: Work, live: Any, now: datetime, *, record: JobRecord, cancel_asked: bool, hint: str, why: str
) -> CardView:
    record = record if record.label else replace(record, label=work.label)
    return view.of_job(
        record, now=now, log_tail=live.log_tail, remote_traceback=live.remote_traceback, trace=live.trace,
        reconnecting=live.reconnecting, cancel_asked=cancel_asked, hint=hint, why=why,
    )  # fmt: skip


def _of_group(
    work: Work, live: Any, now: datetime, *, paused: bool | None, cancel_asked: bool, hint: str, why: str
) -> CardView:
    return view_group.of_group(
        live.counts, live.total, now=now, label=work.label, began_at=live.began_at, last_end_at=live.last_end_at,
        cancel_asked=cancel_asked, reconnecting=live.reconnecting, hint=hint, failures=live.failures,
        errors=live.errors, before=live.before, rates=live.rates(live.last_end_at or now if live.ended else now),
        why=why, paused=bool(paused),
    )  # fmt: skip
