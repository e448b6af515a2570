"""One job that is looked at: asked for once a second on the client's own thread, for as long as it is open."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass

from nbqueue.broker import reported
from nbqueue.cli.one_job import OneJob, look_up
from nbqueue.client.link import Link
from nbqueue.client.session import Session
from nbqueue.errors import NbqueueError

#: seconds between two looks, and where it has ended
PACE_S, ENDED_S = 1.0, 5.0
#: chunks of the log that are read
CHUNKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of it."""

    id: str
    #: None: nothing yet
    job: OneJob | None = None
    #: the end of its log
    log: str = ""
    #: why nothing newer is known, in a sentence
    problem: str = ""


class Opened:
    """Looks at a job again and again. `sight` is replaced by the portal's thread, and may be read by any."""

    def __init__(self, job_id: str, session: Session) -> None:
        #: what is known now
        self.sight = Sight(id=job_id)
        self._looking: Future[None] = session.call(self._run)

    def close(self) -> None:
        """Look no more."""
        self._looking.cancel()

    async def _run(self, link: Link) -> None:
        while True:
            await self._look(link)
            job = self.sight.job
            await asyncio.sleep(ENDED_S if job is not None and job.record.state.is_final else PACE_S)

    async def _look(self, link: Link) -> None:
        before, wire = self.sight, link.wire
        try:
            job = await look_up(wire.ask, wire.keys, wire.keyring, before.id)
            log, _ = await wire.ask(lambda client: reported.log_end(client, wire.keys, before.id, chunks=CHUNKS))
        except NbqueueError as error:
            self.sight = Sight(id=before.id, job=before.job, log=before.log, problem=str(error))
        except Exception as error:  # noqa: BLE001 - nobody waits for this: the page says it, and looks again
            problem = f"{type(error).__name__}: {error}"
            self.sight = Sight(id=before.id, job=before.job, log=before.log, problem=problem)
        else:
            self.sight = Sight(id=before.id, job=job, log=log)
