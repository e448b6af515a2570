"""The functions that workers know by name: what cannot be run by any of them is refused before it is submitted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from difflib import SequenceMatcher

from nbqueue.broker import queues
from nbqueue.broker.queues import EngineInfo
from nbqueue.client.link import Link
from nbqueue.client.session import Session, session
from nbqueue.errors import JobLost, UnknownFunction
from nbqueue.model.names import shown
from nbqueue.web.asking import ask

#: so long what was seen of the workers is good enough to let a submit pass
FRESH_S = 1.0
#: names that are told to who gave an unknown one
_MOST_TOLD = 10


async def engines(link: Link) -> list[EngineInfo]:
    """The engines of all workers."""
    return await link.wire.ask(lambda client: queues.engines(client, link.wire.keys))


async def check_known(name: str, queue: str, job_id: str = "") -> None:
    """Raise UnknownFunction where workers serve the queue and none knows the name.

    Nobody may serve the queue yet: then nothing is known. What was submitted before under the same id is no new job.
    """
    if _seen.knows(name, queue):
        return
    _seen.note(await ask(engines))
    if _seen.knows(name, queue) or (job_id and await _is_there(job_id)):
        return
    known = sorted(_seen.names(queue), key=lambda each: (-SequenceMatcher(None, name, each).ratio(), each))
    told = ", ".join(known[:_MOST_TOLD]) or "none"
    more = f" and {len(known) - _MOST_TOLD} more" if len(known) > _MOST_TOLD else ""
    raise UnknownFunction(
        f'No worker of the queue "{queue}" knows a function {_quoted(name)}: those known now are {told}{more}. '
        "Give one of them, or start a worker that knows it."
    )


async def _is_there(job_id: str) -> bool:
    try:
        await ask(lambda link: link.record(job_id))
    except JobLost:
        return False
    return True


def _quoted(name: str) -> str:
    return f'"{name}"' if name.isprintable() else shown(name)


class _Seen:
    """What was seen of the workers last, and when."""

    def __init__(self) -> None:
        self._engines: Sequence[EngineInfo] = ()
        self._of: Session | None = None
        self._at = 0.0

    def note(self, found: Sequence[EngineInfo]) -> None:
        """Keep it."""
        self._engines, self._of, self._at = found, session(), time.monotonic()

    def knows(self, name: str, queue: str) -> bool:
        """Whether a job of that name may go to the queue, by what was seen just now."""
        if self._of is not session() or time.monotonic() - self._at > FRESH_S:
            return False
        serving = [each for each in self._engines if queue in each.queues]
        return not serving or any(name in each.functions for each in serving)

    def names(self, queue: str) -> set[str]:
        """The names that workers of a queue know."""
        return {name for each in self._engines if queue in each.queues for name in each.functions}


_seen = _Seen()
