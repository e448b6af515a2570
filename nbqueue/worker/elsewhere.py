"""What a claim that cannot run here needs, and which other engines have it."""

from __future__ import annotations

import json
import logging
from typing import Any

from nbqueue.broker import handshake, jobs, queues, scripts
from nbqueue.broker.claims import Claim
from nbqueue.broker.envelope import peek
from nbqueue.errors import NbqueueError, TamperedPayload, UnknownFunction, WrongPython
from nbqueue.worker.attempt import Here

logger = logging.getLogger("nbqueue.worker")


#: what begins the word for a key that is lacking; the server reads in a submission which one it was signed with
KEY = "key:"


async def who_fits(client: Any, here: Here, claim: Claim, lacked: str) -> tuple[str, ...]:
    """The live engines that serve the queue with the Python or the registered function that a claim needs.

    Who has a key is not known: what needs one is everybody's.
    """
    others = [
        other for other in await queues.engines(client, here.keys)
        if other.id != here.engine_id and claim.queue in other.queues
    ]  # fmt: skip
    if lacked.startswith(KEY):
        return tuple(other.id for other in others)
    python, name = _needs(claim)
    return tuple(
        other.id for other in others
        if (not python or other.python == python)
        and (name in other.functions if name else not other.only_registered)
    )  # fmt: skip


async def lacked_for(client: Any, here: Here, claim: Claim, error: NbqueueError) -> str:
    """What a claim needs that is not here; empty where nobody else can run it either.

    It is "py:<version>", "name:<function>", "code", which comes with it, or "key:<id>" of the others' key.
    """
    if isinstance(error, TamperedPayload):
        key_id = await handshake.lacked_key(client, here.keys, here.keyring, error)
        return KEY + key_id if key_id else ""
    if not is_verified(error):
        return ""
    python, name = _needs(claim)
    if isinstance(error, WrongPython):
        return f"py:{python}"
    return f"name:{name}" if name else "code"


def is_verified(error: NbqueueError) -> bool:
    """Whether a claim was turned away for what a key holder wrote of it."""
    return isinstance(error, UnknownFunction | WrongPython)


def header_of(claim: Claim) -> dict[str, Any]:
    """The header of a submission whose signature was verified; of one put in by hand there is none."""
    return peek(claim.submission) if claim.submission and claim.submission[:1] != b"{" else {}


async def recorded(client: Any, here: Here, claim: Claim) -> dict[str, Any]:
    """What the server's record says of a job whose submission says nothing that can be trusted: to find it by."""
    try:
        [record] = await jobs.records(client, here.keys, [claim.job_id]) if not claim.adopted else [None]
    except scripts.TROUBLE:
        return {}
    if record is None:
        return {}
    tags = [str(tag) for tag in record.tags]
    return {"label": record.label, "group": record.group, "tags": tags, "priority": record.priority}


def _needs(claim: Claim) -> tuple[str, str]:
    """The Python version and the registered name a claim needs; empty where it needs none."""
    submission = claim.submission or b""
    if submission[:1] == b"{":
        return "", str(json.loads(submission)["function"])
    header = peek(submission)
    return str(header.get("py", "")), str(header.get("fn", "")) if header.get("by") == "name" else ""


def reason_of(claim: Claim, error: Exception) -> NbqueueError:
    """Why a claim is turned away, in a sentence."""
    if isinstance(error, NbqueueError):
        return error
    logger.error("Job %s cannot be understood.", ascii(claim.job_id), exc_info=error)
    return TamperedPayload(f"The record of job {claim.job_id!a} cannot be understood: {error!r}.")
