"""How much the server keeps of jobs beside their records: asked before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbqueue.broker.keys import Keys


async def submission_sizes(client: Any, keys: Keys, job_ids: Sequence[str]) -> list[int]:
    """The bytes of the sealed submissions, 0 where there is none (any more), or something else."""
    pipe = client.pipeline(transaction=False)
    for job_id in job_ids:
        pipe.strlen(keys.submission(job_id))
    found = await pipe.execute(raise_on_error=False)
    return [0 if isinstance(size, Exception) else size for size in found]
