"""Who runs what an engine claims."""

from __future__ import annotations

from typing import Protocol

from nbqueue.broker.claims import Claim


class Runner(Protocol):
    """Runs claims; tells the engine of each end by `Engine.end`."""

    def begin(self, claim: Claim) -> int:
        """Start a claim; the lane whose room it takes: 0 event loop, 1 process. It ends later, never inside."""

    def stop(self, job_id: str, reason: str) -> None:
        """Ask a running job to stop."""

    def running(self) -> dict[str, int]:
        """The jobs under way, with their fences."""
