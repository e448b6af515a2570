"""Looks whether what listens speaks TLS or not, for a clear word about a mismatch; it sends no secret."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from nbqueue.broker.address import Address

_LIMIT_S = 0.4


async def answers_in_the_clear(address: Address) -> bool:
    """Whether the server answers a PING without TLS."""
    answer = b""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(_LIMIT_S):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                writer.write(b"PING\r\n")
                answer = await reader.read(1)
            finally:
                writer.close()
    return answer in (b"+", b"-")


async def answers_over_tls(address: Address) -> bool:
    """Whether the server shakes hands in TLS, whatever its certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(OSError):
        async with asyncio.timeout(_LIMIT_S):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
            writer.close()
            return True
    return False
