"""What cells that run as jobs hand back: put into the notebook's namespace when it comes."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from nbqueue.client.handle import Job
from nbqueue.errors import NbqueueError
from nbqueue.inside import cells

log = logging.getLogger("nbqueue")

_lock = threading.Lock()
#: name -> ticket of the newest cell that was to assign it: an older one that ends later does not
_newest: dict[str, str] = {}


@contextmanager
def promised(names: Sequence[str], namespace: dict[str, Any]) -> Iterator[str]:
    """The ticket of a cell that is to assign these names; of none, where the block in which it is submitted fails."""
    ticket = secrets.token_hex(8)
    cells.expect(ticket, _Taker(ticket, names, namespace))
    with _lock:
        before = dict(_newest)
        _newest.update(dict.fromkeys(names, ticket))
    try:
        yield ticket
    except Exception:
        with _lock:
            own = [name for name in names if _newest[name] == ticket]
            _newest.update({name: before.get(name, "") for name in own})
        cells.forget(ticket)
        raise
    with _lock:
        needed = set(_newest.values())
    for old in {*before.values()} - needed:
        cells.forget(old)


def take(job: Job[Any]) -> None:
    """Take what a job that has ended hands back; how it failed is told on its card, and to whoever awaits it."""
    try:
        job.wait()
    except NbqueueError:
        return


class _Taker:
    """Assigns the names of one cell, once for each job that runs it: a retry is another one."""

    def __init__(self, ticket: str, names: Sequence[str], namespace: dict[str, Any]) -> None:
        self._ticket = ticket
        self._names = names
        self._namespace = namespace
        self._seen: set[str] = set()

    def __call__(self, job_id: str, found: Mapping[str, Any]) -> None:
        with _lock:
            if job_id in self._seen:
                return
            self._seen.add(job_id)
            self._namespace.update({name: value for name, value in found.items() if _newest[name] == self._ticket})
        missing = [name for name in self._names if name not in found]
        if missing:
            log.warning("Job %s has ended without assigning %s, which is left as it is.", job_id, ", ".join(missing))
