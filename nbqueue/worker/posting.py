"""One POST to a webhook: its name is looked up once, each address is checked, and the connection goes to just that."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nbqueue.model.webhook import FAR, HostRules, Webhook

#: seconds for all of it: name, connection, TLS, answer
TIME_LIMIT_S = 10.0
#: bytes of an answer that are read: its first line and its headers; the body is of no interest
ANSWER_LIMIT = 8_192
#: interim answers (1xx) before the one that counts
_MOST_INTERIM = 5

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n")
_RETRY_AFTER = re.compile(rb"\r?\nretry-after:[ \t]*(\d{1,6})[ \t]*\r?\n", re.IGNORECASE)
_FINAL = 200

#: family and address of a socket
Place = tuple[int, Any]
#: gives the places that a host's name and port stand for
Resolve = Callable[[str, int], Awaitable[Sequence[Place]]]


class NotSent(Exception):
    """A message that got no answer; says why in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the receiver answered."""

    status: int
    #: seconds after which it wants to be asked again; 0 where it does not say
    retry_after_s: float = 0.0


async def look_up(host: str, port: int) -> Sequence[Place]:
    """The addresses of a host, by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


class Poster:
    """Sends messages to the hosts that are allowed. It follows no redirect and keeps no connection."""

    def __init__(self, rules: HostRules, *, resolve: Resolve = look_up, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._rules, self._resolve, self._time_limit_s = rules, resolve, time_limit_s

    async def post(self, hook: Webhook, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message once. Raises NotSent where there was no answer."""
        if not self._rules.allows(hook):
            raise NotSent(f"This worker does not allow the host {hook.target}.")
        try:
            async with asyncio.timeout(self._time_limit_s):
                return await self._sent(hook, _request(hook, headers, body))
        except TimeoutError:
            raise NotSent(f"{hook.target} did not answer within {self._time_limit_s:g} s.") from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or error
            raise NotSent(f"TLS with {hook.target} failed: {reason}.") from None
        except OSError as error:
            raise NotSent(f"{hook.target} cannot be reached: {_cause(error)}.") from None

    async def _sent(self, hook: Webhook, request: bytes) -> Answer:
        reader, writer = await self._connected(hook)
        try:
            writer.write(request)
            # what is refused before it was read to its end is answered all the same
            return await _answer(reader, hook)
        finally:
            writer.transport.abort()

    async def _connected(self, hook: Webhook) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to one of the addresses that were checked; nothing looks the name up again."""
        connection = await self._socket(hook, await self._checked(hook))
        try:
            if hook.scheme == "http":
                return await asyncio.open_connection(sock=connection, limit=ANSWER_LIMIT)
            tls = await asyncio.to_thread(_tls)
            return await asyncio.open_connection(
                sock=connection, limit=ANSWER_LIMIT, ssl=tls, server_hostname=hook.host
            )
        except BaseException:
            connection.close()
            raise

    async def _checked(self, hook: Webhook) -> Sequence[Place]:
        """All addresses of the host. One that must not be reached forbids the others as well."""
        places = await self._resolve(hook.host, hook.port)
        for _, address in places:
            if kind := self._rules.forbids(str(address[0])):
                cure = "" if kind in FAR else "; `--webhook-private` would allow it"
                raise NotSent(
                    f"{hook.host} stands for the {kind} address {address[0]}, which is not connected to{cure}."
                )
        return places

    async def _socket(self, hook: Webhook, places: Sequence[Place]) -> socket.socket:
        error: OSError = OSError(f"{hook.host} has no address")
        for family, address in places:
            found = socket.socket(family, socket.SOCK_STREAM)
            try:
                found.setblocking(False)  # noqa: FBT003 - the standard library's signature
                await asyncio.get_running_loop().sock_connect(found, address)
            except OSError as failed:
                found.close()
                error = failed
            except BaseException:
                found.close()
                raise
            else:
                return found
        raise error


def _cause(error: OSError) -> str:
    """Why there is no connection, in the system's words; asyncio has its own for some."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _request(hook: Webhook, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = {
        "host": hook.host_header, "user-agent": "nbqueue", "accept": "*/*", "connection": "close",
        "content-length": str(len(body)), **headers,
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {hook.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


async def _answer(reader: asyncio.StreamReader, hook: Webhook) -> Answer:
    for _ in range(_MOST_INTERIM):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as cut:
            head = cut.partial
        except asyncio.LimitOverrunError:
            # more headers than anybody needs: the first line is there
            head = await reader.read(ANSWER_LIMIT)
        found = _STATUS.match(head)
        if found is None:
            raise NotSent(f"{hook.target} did not answer in HTTP/1.1.")
        status = int(found[1])
        if status >= _FINAL:
            later = _RETRY_AFTER.search(head)
            return Answer(status=status, retry_after_s=float(later[1]) if later else 0.0)
    raise NotSent(f"{hook.target} gave interim answers only.")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Certificates are checked against the name, with the system's authorities (or those of SSL_CERT_FILE)."""
    return ssl.create_default_context()
