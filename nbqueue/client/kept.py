"""The value that a job kept last with `checkpoint`: read by others, also when it has ended without a result."""

from __future__ import annotations

from typing import Any

from nbqueue.broker import codec
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.inside import keeping
from nbqueue.model.names import check_job_id


def kept(job_id: str, *, beside: str | None = None) -> Pending[Any]:
    """The value, for as long as the server has it: a day after the end, where that was no success; else None.

    Args:
        job_id: the job.
        beside: None for the user's own value; else the name by which a library kept bytes beside it: those are given.

    Raises:
        TamperedPayload: no key holder wrote it for this job.
    """
    check_job_id(job_id)
    asked = session().call(lambda link: link.checkpoint_of(job_id))
    return Pending(asked, lambda data: _part(data, beside), what=f"reading what job {job_id} kept")


def _part(data: bytes | None, beside: str | None) -> Any:
    if data is None:
        return None
    if beside is not None:
        return keeping.parts_beside(data).get(beside)
    own = keeping.own_part(data)
    return None if own is None else codec.load_value(own)
