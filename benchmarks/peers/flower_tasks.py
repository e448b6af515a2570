"""The tasks of Celery that Flower submits."""

from __future__ import annotations

from celery import Celery

from benchmarks.peers.driving import SOCKET

app = Celery("bench", broker=f"redis+socket://{SOCKET}", backend=f"redis+socket://{SOCKET}")


@app.task(name="noop")
def noop(number: int) -> int:
    """Do nothing."""
    return number
