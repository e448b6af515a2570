"""Checkpoints on their way to the store and back: signed, since the next attempt unpickles what it finds."""

from __future__ import annotations

from nbqueue.broker.envelope import open_sealed, seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring


def sealed(keyring: Keyring, keys: Keys, job_id: str, data: bytes) -> bytes:
    """What is stored of a job's checkpoint."""
    return seal(keyring, {"kind": "checkpoint", "ns": keys.namespace, "id": job_id}, data)


def opened(keyring: Keyring, keys: Keys, job_id: str, blob: bytes) -> bytes:
    """The checkpoint that a key holder stored for this job; raises TamperedPayload for anything else."""
    return open_sealed(keyring, blob, kind="checkpoint", namespace=keys.namespace, job_id=job_id).payload
