"""Alerts on queues: those that workers look after and leave word of, and those that this process looks after itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from nbqueue.broker import alerts as wire
from nbqueue.broker.alerts import StoredAlert
from nbqueue.broker.hook import written
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.session import Session
from nbqueue.client.telling import OF_ALERT, tell
from nbqueue.errors import BrokerUnavailable
from nbqueue.model.alerting import Crossing, Limits, Memory, described, judge
from nbqueue.model.names import new_job_id
from nbqueue.model.shown import Shown, ShownList
from nbqueue.model.webhook import on_crossing

log = logging.getLogger("nbqueue")

#: what is told of a crossing: a callable of this process, or a webhook's URL
On = str | Callable[[Crossing], object]
#: how often this process looks after its own
LOOK_S = 2.0


class Alert(Shown):
    """One alert on a queue."""

    def __init__(self, alert_id: str, limits: Limits, *, of: Session, url: str = "") -> None:
        #: names it
        self.id = alert_id
        self.limits = limits
        #: where word of it is left; empty: a callable of this process is called
        self.url = url
        self._session = of

    @property
    def queue(self) -> str:
        """The name of its queue."""
        return self.limits.queue

    def remove(self) -> Pending[bool]:
        """Look after it no more; whether it was there."""

        async def removed(link: Link) -> bool:
            own = _own.pop(self.id, None)
            if own is not None:
                own.cancel()
                return True
            return await link.wire.ask(lambda client: wire.remove(client, link.wire.keys, self.id))

        return self._session.begin(removed, what=f"removing alert {self.id}")

    def __repr__(self) -> str:
        where = self.url or "a callable of this process"
        return f"<Alert {self.id} on {self.queue}: {', '.join(described(self.limits))}; tells {where}>"


#: alerts of this process -> the task that looks after it
_own: dict[str, asyncio.Task[None]] = {}
#: the same -> the alert
_shown: dict[str, Alert] = {}


def begin(session: Session, limits: Limits, on: On | Sequence[On]) -> Pending[Alert]:
    """The alert, once it is looked after."""
    told = on_crossing(on)
    if isinstance(told[0], str):
        return _stored(session, limits, told[0])
    alert = Alert(new_job_id(), limits, of=session)

    async def looked_after(link: Link) -> Alert:
        _shown[alert.id] = alert
        _own[alert.id] = task = asyncio.create_task(_look(link, limits, told))
        task.add_done_callback(lambda _: (_own.pop(alert.id, None), _shown.pop(alert.id, None)))
        return alert

    return session.begin(looked_after, what=f'setting an alert on queue "{limits.queue}"')


def _stored(session: Session, limits: Limits, url: str) -> Pending[Alert]:
    async def stored(link: Link) -> Alert:
        hook = written(link.wire.keyring, link.wire.keys.namespace, url)
        kept = StoredAlert(id=limits.id_with(url), limits=limits, hook=hook)
        await link.wire.ask(lambda client: wire.store(client, link.wire.keys, kept))
        return Alert(kept.id, limits, of=session, url=url)

    return session.begin(stored, what=f'setting an alert on queue "{limits.queue}"')


def listed(session: Session, queue: str) -> Pending[list[Alert]]:
    """The alerts on a queue: those in the server, then those of this process."""

    async def asked(link: Link) -> list[Alert]:
        found = await link.wire.ask(lambda client: wire.stored(client, link.wire.keys))
        stored = [Alert(each.id, each.limits, of=session, url=each.url) for each in found]
        return ShownList((each for each in (*stored, *_shown.values()) if each.queue == queue), kind=Alert)

    return session.begin(asked, what=f'reading the alerts on queue "{queue}"')


async def _look(link: Link, limits: Limits, told: Sequence[Callable[[Any], object]]) -> None:
    """Look every few seconds, and call them for each crossing, until cancelled."""
    memory = Memory()
    while True:
        try:
            [measure] = await link.wire.run(wire.measure(link.wire.keys, [limits.queue]))
        except BrokerUnavailable as error:
            log.debug("Cannot look at queue %s: %s", limits.queue, error)
        else:
            memory, crossings = judge(limits, memory, measure)
            for crossing in crossings:
                tell(told, crossing, OF_ALERT)
        await asyncio.sleep(LOOK_S)


def _forget() -> None:
    """In a forked copy: nobody looks after them."""
    _own.clear()
    _shown.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
