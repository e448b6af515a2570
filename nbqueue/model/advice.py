"""What to do about a common lack, in the words that every face uses."""

from __future__ import annotations


def no_worker(queue: str) -> str:
    """Nobody runs the jobs of a queue."""
    return f'no worker serves queue "{queue}": start one with nbqueue worker --queues {queue}'


def no_resources(queue: str, needs: str) -> str:
    """Those who run the jobs of a queue do not have what one needs."""
    return (
        f'no worker that serves queue "{queue}" offers {needs}: start one with '
        f"nbqueue worker --queues {queue} --resources {needs}"
    )
