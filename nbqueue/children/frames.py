"""Frames between an engine and its children: two lengths, a JSON header, payload bytes."""

from __future__ import annotations

import struct
from typing import Any

from nbqueue.model import plain_json

#: the kinds of children: one run at a time in the main thread, or many in an event loop
SOLO = "S"
LOOP = "L"
#: what a zygote is asked for: a child's kind and number; its control socket and output pipe travel beside it
REQUEST = struct.Struct(">cxxxI")
#: header length and payload length, big-endian
LENGTHS = struct.Struct(">II")
#: the largest header in bytes
HEADER_LIMIT_BYTES = 2**20
#: from this size on a payload is worth a view of the buffer
_VIEWED_BYTES = 2**16

Header = dict[str, Any]
Frame = tuple[Header, bytes]

_encode = plain_json.encode
_decode = plain_json.decode


class BrokenFrame(ValueError):
    """Bytes that no frame of ours begins with; the other side is not to be trusted further."""


def head(header: Header, payload_bytes: int) -> bytes:
    """The lengths and the header of a frame; its payload follows on the wire."""
    return head_of_text(_encode(header), payload_bytes)


def head_of_text(text: str, payload_bytes: int) -> bytes:
    """The same for a header that is JSON already."""
    data = text.encode()
    return LENGTHS.pack(len(data), payload_bytes) + data


def encode(header: Header, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return head(header, len(payload)) + payload


class Decoder:
    """Cuts a stream of bytes into frames and refuses what is none."""

    def __init__(self, payload_limit_bytes: int) -> None:
        self._limit = payload_limit_bytes
        self._buffer = bytearray()
        self._needed = LENGTHS.size

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete with `data`; raises BrokenFrame."""
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._needed:
            return []
        frames: list[Frame] = []
        start, length = 0, len(buffer)
        while length - start >= LENGTHS.size:
            header_bytes, payload_bytes = LENGTHS.unpack_from(buffer, start)
            self._check(header_bytes, payload_bytes)
            body = start + LENGTHS.size
            end = body + header_bytes + payload_bytes
            if end > length:
                self._needed = end - start
                break
            split = body + header_bytes
            frames.append((_header(buffer[body:split]), _payload(buffer, split, end)))
            start = end
            self._needed = LENGTHS.size
        del buffer[:start]
        return frames

    def _check(self, header_bytes: int, payload_bytes: int) -> None:
        if header_bytes > HEADER_LIMIT_BYTES or payload_bytes > self._limit:
            raise BrokenFrame(f"a frame of {header_bytes} + {payload_bytes} bytes is over the limit")


def _payload(buffer: bytearray, start: int, end: int) -> bytes:
    """A part of the buffer; a large one is copied once only."""
    if end - start < _VIEWED_BYTES:
        return bytes(buffer[start:end])
    with memoryview(buffer) as view:
        return bytes(view[start:end])


def _header(text: bytearray) -> Header:
    try:
        header = _decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise BrokenFrame("a frame's header is no JSON") from error
    if not isinstance(header, dict) or not isinstance(header.get("t"), str):
        raise BrokenFrame("a frame's header has no type")
    return header
