"""The cards of jobs that were opened in a dashboard."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from nbqueue.client.handle import Job
from nbqueue.client.session import Session
from nbqueue.notebook import markup
from nbqueue.notebook.sources import Source

#: cards that are open at once; with another one the first is closed
MOST = 4


class Opened:
    """Jobs that are followed, as HTML."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}

    def open(self, ids: Sequence[str]) -> None:
        """Follow these jobs too. Does not wait."""
        with self._lock:
            for job_id in ids[:MOST]:
                if job_id not in self._sources:
                    self._sources[job_id] = Source(Job[object](job_id, of=self._session))
            for job_id in list(self._sources)[:-MOST]:
                self._sources.pop(job_id).close()

    def close(self) -> None:
        """Follow none any more."""
        with self._lock:
            sources, self._sources = self._sources, {}
        for source in sources.values():
            source.close()

    def drawn(self, now: datetime) -> tuple[str, ...]:
        """Their cards now."""
        with self._lock:
            sources = list(self._sources.values())
        for source in sources:
            source.facts()
        return tuple(markup.live(source.view(now)) for source in sources)
