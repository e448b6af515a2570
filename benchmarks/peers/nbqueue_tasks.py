"""The functions that nbqueue's worker has registered."""

from __future__ import annotations

from nbqueue import task


@task("noop")
async def noop(number: int) -> int:
    """Do nothing."""
    return number
