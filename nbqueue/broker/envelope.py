"""The envelope: one signed blob of a readable header and a payload, opened only where it belongs.

`NBQ1 <key id> <64 hex HMAC-SHA256> <header length>`, a newline, the header as JSON, a newline, the payload.
The signature covers `NBQ1`, a newline, and everything after the first line.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, NoReturn

from nbqueue.broker.signing import Keyring
from nbqueue.errors import PayloadTooLarge, TamperedPayload
from nbqueue.model import plain_json

#: the largest blob that is opened or sealed: the server's own limit for one value
LIMIT_BYTES = 512 * 2**20
#: the largest header
HEADER_LIMIT_BYTES = 2**20

_SIGNED_PREFIX = b"NBQ1\n"
#: magic 4, key id 32, signature 64, length 7, three spaces and the newline
_FIRST_LINE_BYTES = 111
_FIRST_LINE = re.compile(rb"NBQ1 ([A-Za-z0-9_-]{1,32}) ([0-9a-f]{64}) ([1-9][0-9]{0,6})\n")
_SHOWN = 60


class Sealed(NamedTuple):
    """What a verified envelope held."""

    header: dict[str, Any]
    payload: bytes


def seal(keyring: Keyring, header: dict[str, Any], payload: bytes) -> bytes:
    """One signed blob of a header (plain JSON values) and a payload."""
    return seal_text(keyring, plain_json.encode(header), payload)


def seal_text(keyring: Keyring, header: str, payload: bytes) -> bytes:
    """The same for a header that is JSON already."""
    text = header.encode()
    if len(text) > HEADER_LIMIT_BYTES or len(payload) > LIMIT_BYTES - HEADER_LIMIT_BYTES:
        raise _too_large(len(text), len(payload))
    key_id, signature = keyring.sign(_SIGNED_PREFIX, text, b"\n", payload)
    return b"".join((f"NBQ1 {key_id} {signature} {len(text)}\n".encode(), text, b"\n", payload))


def open_sealed(
    keyring: Keyring,
    blob: bytes,
    *,
    kind: str,
    namespace: str,
    job_id: str,
    fence: int | None = None,
    function: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Sealed:
    """The header and payload of a blob that a key holder wrote for exactly this place.

    `fence` and `function` are checked where they are given. Raises TamperedPayload otherwise; its `reason` is one of
    `bad shape`, `too large`, `bad signature`, `wrong kind`, `wrong namespace`, `wrong job`, `wrong function`,
    `wrong fence`.
    """
    sealed = _verified(keyring, blob, job_id, limit_bytes)
    header = sealed.header
    if header.get("kind") != kind or header.get("ns") != namespace or header.get("id") != job_id:
        _check_place(header, job_id, "kind", kind)
        _check_place(header, job_id, "ns", namespace)
        _check_place(header, job_id, "id", job_id)
    if function is not None:
        _check_place(header, job_id, "fn", function)
    if fence is not None:
        _check_place(header, job_id, "fence", fence)
    return sealed


def peek(blob: bytes) -> dict[str, Any]:
    """The header as it stands, unverified: for display only. Raises TamperedPayload where there is none."""
    _, _, start, end = _shape(blob, "?")
    return _header(blob[start:end], "?")


def key_id_of(blob: bytes) -> str | None:
    """The id of the key that a blob says it was signed with; None for what is no envelope. It is not verified."""
    match = _FIRST_LINE.match(blob, 0, _FIRST_LINE_BYTES)
    return match[1].decode() if match else None


def _verified(keyring: Keyring, blob: bytes, job_id: str, limit_bytes: int) -> Sealed:
    if len(blob) > limit_bytes:
        _refuse(job_id, "too large", f"it has {len(blob)} bytes, and {limit_bytes} are allowed")
    key_id, signature, start, end = _shape(blob, job_id)
    text, payload = blob[start:end], blob[end + 1 :]
    if not keyring.verify(key_id, signature, _SIGNED_PREFIX, text, b"\n", payload):
        ours = ", ".join(keyring.ids)
        why = f"its signature (key id {key_id}) fits none of our keys (key ids: {ours})"
        _refuse(job_id, "bad signature", why, unknown_key="" if key_id in keyring.ids else key_id)
    return Sealed(_header(text, job_id), payload)


def _shape(blob: bytes, job_id: str) -> tuple[str, str, int, int]:
    """Key id, signature, and where the header begins and ends."""
    match = _FIRST_LINE.match(blob, 0, _FIRST_LINE_BYTES)
    if match is None:
        _refuse(job_id, "bad shape", "it does not begin as a signed record does")
    start = match.end()
    end = start + int(match[3])
    if end - start > HEADER_LIMIT_BYTES or blob.find(b"\n", start, end + 1) != end:
        _refuse(job_id, "bad shape", "the length of its header is wrong")
    return match[1].decode(), match[2].decode(), start, end


def _header(text: bytes, job_id: str) -> dict[str, Any]:
    try:
        found = plain_json.decode(text.decode())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        _refuse(job_id, "bad shape", "its header is not a JSON object")
    return found


_REASONS = {
    "kind": "wrong kind", "ns": "wrong namespace", "id": "wrong job", "fn": "wrong function", "fence": "wrong fence",
}  # fmt: skip


def _check_place(header: dict[str, Any], job_id: str, name: str, wanted: str | int) -> None:
    found = header.get(name)
    if found != wanted or type(found) is not type(wanted):
        what = _REASONS[name].removeprefix("wrong ")
        _refuse(job_id, _REASONS[name], f"it was signed for {what} {_shown(found)}, not for {_shown(wanted)}")


def _refuse(job_id: str, reason: str, why: str, *, unknown_key: str = "") -> NoReturn:
    text = f"The record of job {_shown(job_id)} was refused unread: {why}."
    raise TamperedPayload(text, reason=reason, unknown_key=unknown_key)


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _too_large(header_bytes: int, payload_bytes: int) -> PayloadTooLarge:
    size, limit = header_bytes + payload_bytes, LIMIT_BYTES
    if header_bytes > HEADER_LIMIT_BYTES:
        size, limit = header_bytes, HEADER_LIMIT_BYTES
    return PayloadTooLarge(
        f"A record of {size} bytes cannot be stored: {limit} are allowed. Send less, or pass the path of a file.",
        size_bytes=size,
        limit_bytes=limit,
    )
