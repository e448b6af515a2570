"""What a webhook is sent: the body, and the headers of Standard Webhooks that let the receiver check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nbqueue.broker.signing import Keyring
from nbqueue.broker.words import Turn
from nbqueue.model.job import moment

#: what the secret is derived for; a change of it changes every receiver's secret
PURPOSE = "webhook secret 1"
#: bytes of a body
BODY_LIMIT = 16_000
_TEXT_LIMIT = 1_000
_TEXTS = ("function", "label", "queue", "group", "error_type", "error")


def secrets(keyring: Keyring) -> list[str]:
    """What receivers check signatures with, as they want it; the signing key's first."""
    return [f"whsec_{base64.b64encode(secret).decode()}" for secret in keyring.derived(PURPOSE)]


def body_of(turn: Turn) -> bytes:
    """The JSON that is sent: what an alert says, or how the job ended."""
    if turn.body:
        return turn.body.encode()[:BODY_LIMIT]
    return json.dumps(_ended(turn.id, turn.job)).encode()


def headers_of(turn: Turn, body: bytes, keyring: Keyring, *, namespace: str, now: datetime) -> dict[str, str]:
    """The headers that name and sign the message: the same id each time it is sent.

    After https://github.com/standard-webhooks/standard-webhooks, version 1: HMAC-SHA256 over `id.timestamp.body`; one
    signature a key, so that receivers can change over to a new one.
    """
    name = _message_id(turn, namespace)
    timestamp = str(int(now.timestamp()))
    signed = b".".join((name.encode(), timestamp.encode(), body))
    signatures = [_signature(secret, signed) for secret in keyring.derived(PURPOSE)]
    return {
        "content-type": "application/json", "webhook-id": name, "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }  # fmt: skip


def _signature(secret: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def _message_id(turn: Turn, namespace: str) -> str:
    """Tells ends of jobs apart, also where an id was used again after its record was gone."""
    named = json.dumps([namespace, turn.id, turn.job.get("finished", "")])
    return "msg_" + hashlib.sha256(named.encode()).hexdigest()[:32]


def _ended(job_id: str, job: Mapping[str, str]) -> dict[str, Any]:
    state, finished_at = job.get("state", ""), _iso(job.get("finished"))
    texts = {name: job.get(name, "")[:_TEXT_LIMIT] for name in _TEXTS}
    texts["label"] = texts["label"] or texts["function"]
    return {
        "type": "job.ended", "timestamp": finished_at, "id": job_id, "state": state, **texts,
        "submitted_at": _iso(job.get("submitted")), "started_at": _iso(job.get("started")), "finished_at": finished_at,
        "attempt": sum(_whole(job.get(name)) for name in ("tries", "losses", "crashes")),
    }  # fmt: skip


def _iso(milliseconds: str | None) -> str | None:
    try:
        found = moment(milliseconds)
    except (ValueError, OverflowError, OSError):
        return None  # what no script of ours wrote
    return found.astimezone(UTC).isoformat() if found else None


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
