"""The body of a request, which may neither be too large nor take too long."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from nbqueue.web.call import Call
from nbqueue.web.config import LARGEST_BODY_BYTES
from nbqueue.web.problems import Problem


async def read(call: Call, receive: Receive, timeout_s: float) -> bytes:
    """The whole body. Raises Problem."""
    declared = call.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > LARGEST_BODY_BYTES:
        raise _too_large()
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
                if size > LARGEST_BODY_BYTES:
                    raise _too_large()
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem(408, f"The body did not come within {timeout_s:g} s: send it at once.") from None
    return b"".join(parts)


def _too_large() -> Problem:
    return Problem(
        413, f"The body is too large: {LARGEST_BODY_BYTES:,} bytes are the most. Send a path or an address of the data."
    )


def again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read, and then what comes after it."""
    ready: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return ready.pop() if ready else await receive()

    return received
