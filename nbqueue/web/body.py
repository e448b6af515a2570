"""The body of a request, which may neither be too large nor take too long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, parse_qsl

from starlette.types import Message, Receive

from nbqueue.web.call import Call
from nbqueue.web.config import LARGEST_BODY_BYTES
from nbqueue.web.problems import Problem


async def read(call: Call, receive: Receive, timeout_s: float, most_bytes: int = LARGEST_BODY_BYTES) -> bytes:
    """The whole body. Raises Problem."""
    declared = call.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > most_bytes:
        raise _too_large(most_bytes)
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(timeout_s):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "The caller left before the body had come.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most_bytes:
                    raise _too_large(most_bytes)
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(408, f"The body did not come within {timeout_s:g} s: send it at once.") from None
    return b"".join(parts)


def fields(sent: bytes, most: int) -> Mapping[str, Sequence[str]]:
    """The fields of a form, by their names. Raises Problem."""
    try:
        return parse_qs(sent.decode("latin-1"), max_num_fields=most)
    except ValueError:
        raise _too_many(most) from None


def pairs(sent: bytes, most: int) -> list[tuple[str, str]]:
    """The fields of a form in their order, empty ones too. Raises Problem."""
    try:
        return parse_qsl(sent.decode(errors="replace"), keep_blank_values=True, max_num_fields=most)
    except ValueError:
        raise _too_many(most) from None


def _too_many(most: int) -> Problem:
    return Problem(413, f"The form has too many fields: {most:,} are the most.")


def _too_large(most_bytes: int) -> Problem:
    advice = " Send a path or an address of the data." if most_bytes == LARGEST_BODY_BYTES else ""
    return Problem(413, f"The body is too large: {most_bytes:,} bytes are the most.{advice}")


def again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read, and then what comes after it."""
    ready: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return ready.pop() if ready else await receive()

    return received
