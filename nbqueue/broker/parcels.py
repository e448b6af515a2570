"""Large submissions and results on their way: sent by a plain command, and put into place by a script that moves them.

A script that is handed 100 MB copies them several times while everybody waits: 250 ms instead of 50.
"""

from __future__ import annotations

from typing import Any

from nbqueue.broker.keys import Keys

#: more than this is sent ahead, and signed and verified in a thread
LARGE_BYTES = 1_000_000
#: stands in a result's place when the result was sent ahead; in a submission's place stands nothing
LEFT = b"\0parcel"
#: how long one is kept that nobody puts into place
KEPT_MS = 3_600_000


async def leave(client: Any, keys: Keys, job_id: str, fence: int, blob: bytes) -> None:
    """Send a submission (fence 0) or a result ahead."""
    await client.set(keys.parcel(job_id, fence), blob, px=KEPT_MS)
