"""The value that a job kept last with `checkpoint`: read by others, also when it has ended without a result."""

from __future__ import annotations

from typing import Any

from nbqueue.broker import claims, codec
from nbqueue.broker.envelope import open_sealed
from nbqueue.client.link import Link
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.inside import keeping
from nbqueue.model.names import check_job_id


def kept(job_id: str) -> Pending[Any]:
    """The value, for as long as the server has it: a day after the end, where that was no success; else None.

    Raises:
        NotInJob: it is asked for in a job.
        TamperedPayload: no key holder wrote it for this job.
    """
    check_job_id(job_id)
    return Pending(session().call(lambda link: _read(link, job_id)), _loaded, what=f"reading what job {job_id} kept")


async def _read(link: Link, job_id: str) -> bytes | None:
    wire = link.wire
    blob = await wire.ask(lambda client: claims.checkpoint(client, wire.keys, job_id))
    if blob is None:
        return None
    sealed = open_sealed(wire.keyring, blob, kind="checkpoint", namespace=wire.keys.namespace, job_id=job_id)
    return keeping.own_part(sealed.payload)


def _loaded(data: bytes | None) -> Any:
    return None if data is None else codec.load_value(data)
