"""A submit of many jobs that was cut off: how many were accepted is said, and these are cancelled."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence

from nbqueue.client.cancelling import cancel_all
from nbqueue.client.draft import Draft
from nbqueue.client.link import Link
from nbqueue.errors import NbqueueError

#: seconds that cancelling may take
CANCEL_S = 5.0


async def cut(
    link: Link, drafts: Sequence[Draft], states: Sequence[str], error: NbqueueError, *, unsure: int = 0
) -> NbqueueError:
    """The error of a submit whose first jobs were answered with `states`, once these are cancelled as far as may be.

    Jobs that were known before, or that others stand for, are not touched. After those the next `unsure` may have been
    accepted as well.
    """
    if not states:
        return error
    new = [draft.job_id for draft, state in zip(drafts, states, strict=False) if _is_new(state)]
    new += [draft.job_id for draft in drafts[len(states) : len(states) + unsure]]
    try:
        async with asyncio.timeout(CANCEL_S):
            await cancel_all(link, new)
        now = "and are cancelled now"
    except (NbqueueError, TimeoutError):
        now = "and could not be cancelled"
    told = copy.copy(error)
    told.args = (f"{len(states):,} of {len(drafts):,} jobs were accepted before this, {now}: {error}",)
    return told


def _is_new(state: str) -> bool:
    return state != "exists" and not state.startswith("same ")
