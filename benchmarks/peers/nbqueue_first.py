"""A fresh process with nothing running: the seconds from before the import until the first result."""

from __future__ import annotations

import asyncio
import json
import statistics
import time

#: jobs after the first one
FOLLOWING = 9


def double(number: int) -> int:
    """Twice as much."""
    return 2 * number


async def first() -> int:
    """One job, as in a notebook's first cell."""
    from nbqueue import submit

    return await (await submit(double, 21))


def main() -> None:
    """Say how long it took, and how long it takes once all runs."""
    began = time.perf_counter()
    value = asyncio.run(first())
    seconds = time.perf_counter() - began
    following = [_timed() for _ in range(FOLLOWING)]
    print(json.dumps({"seconds": seconds, "next": statistics.median(following), "value": value}), flush=True)


def _timed() -> float:
    began = time.perf_counter()
    asyncio.run(first())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
