"""Ends of attempts on their way to the server: held while it cannot be reached, spilled to disk when they are many."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nbqueue.broker.claims import Finish, Report
from nbqueue.model.states import State

logger = logging.getLogger("nbqueue.worker")

#: bytes of results held in memory before further ones go to disk
HELD_BYTES = 64_000_000
#: ends sent in one round trip
BATCH = 200
#: bytes of results sent in one round trip, unless a single one is larger
BATCH_BYTES = 16_000_000


class Leaving(NamedTuple):
    """An end, with what the job reported last."""

    finish: Finish
    report: Report | None = None
    #: (channel, sealed message) for those who watch
    message: tuple[str, bytes] | None = None


class Outbox:
    """A queue of ends, oldest first."""

    def __init__(self, spill_dir: Path) -> None:
        # a name that nobody can guess, in a folder that others may write to
        self._folder = spill_dir / f"nbqueue-ends-{secrets.token_hex(8)}"
        self._waiting: deque[tuple[Leaving, Path | None]] = deque()
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def holds(self, job_id: str) -> bool:
        """Whether the end of a job is here."""
        return any(leaving.finish.job_id == job_id for leaving, _ in self._waiting)

    def put(self, leaving: Leaving) -> None:
        """Add an end; its result goes to disk when memory is short, and stays in memory where the disk takes none."""
        result = leaving.finish.result
        path = self._spilled(result) if result and self._held_bytes + len(result) > HELD_BYTES else None
        if path is not None:
            self._waiting.append((_with_result(leaving, b""), path))
        else:
            self._held_bytes += len(result)
            self._waiting.append((leaving, None))

    def take(self) -> list[Leaving]:
        """The next ends to send; they are ours no longer unless `put_back`. One whose file is gone is given back."""
        taken: list[Leaving] = []
        size = 0
        while self._waiting and len(taken) < BATCH and (size < BATCH_BYTES or not taken):
            leaving, path = self._waiting[0]
            found = leaving if path is None else _read(leaving, path)
            self._waiting.popleft()
            if path is not None:
                path.unlink(missing_ok=True)
            else:
                self._held_bytes -= len(leaving.finish.result)
            size += len(found.finish.result)
            taken.append(found)
        return taken

    def put_back(self, ends: Sequence[Leaving]) -> None:
        """Return ends that could not be sent, to the front."""
        for leaving in reversed(ends):
            self._held_bytes += len(leaving.finish.result)
            self._waiting.appendleft((leaving, None))

    def close(self) -> None:
        """Remove what is on disk: nobody will send it any more."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _spilled(self, result: bytes) -> Path | None:
        """The file a result was put into; None where the disk is full or refuses."""
        path: Path | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix="result-", delete=False) as file:
                path = Path(file.name)
                file.write(result)
        except OSError as error:
            logger.warning("A result of %d bytes stays in memory, as it cannot be put on disk: %s", len(result), error)
            if path is not None:
                path.unlink(missing_ok=True)
            return None
        return path


def _read(leaving: Leaving, path: Path) -> Leaving:
    """An end with its result; where that is gone, as when somebody cleaned the temporary folder, the job runs again."""
    try:
        return _with_result(leaving, path.read_bytes())
    except FileNotFoundError as error:
        job_id, fence = leaving.finish.job_id, leaving.finish.fence
        logger.error("The result of job %s is lost, and it runs again: %s", ascii(job_id), error)  # noqa: TRY400 - a line
        return Leaving(Finish(job_id=job_id, fence=fence, state=State.QUEUED))


def _with_result(leaving: Leaving, result: bytes) -> Leaving:
    return leaving._replace(finish=leaving.finish._replace(result=result))
