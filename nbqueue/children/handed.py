"""The results of other jobs on their way into a child: beside the call, in the payload of its frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from nbqueue.broker.inputs import Input, Problem
from nbqueue.children.frames import Header

#: results below this are written together
_JOINED_BYTES = 2**14


def packed(inputs: Mapping[str, Input]) -> tuple[int, list[bytes | memoryview]]:
    """The length of the index, and the parts of the payload: the index, then the results, none of them copied twice."""
    rows = [[job_id, len(each.payload), each.codec, each.problem] for job_id, each in inputs.items()]
    index = json.dumps(rows).encode(errors="replace")
    return len(index), [*_joined([index, *(each.payload for each in inputs.values())])]


def unpacked(header: Header, payload: bytes) -> tuple[bytes | memoryview, Mapping[str, Input], bytes | None]:
    """The call, the results that it takes, and the checkpoint of a run's payload; large ones are views of it."""
    kept, handed = header.get("kept"), header.get("inputs")
    if kept is None and handed is None:
        return payload, {}, None
    end = len(payload) - (kept or 0)
    checkpoint = None if kept is None else payload[end:]
    if handed is None:
        return payload[:end], {}, checkpoint
    index_bytes, all_bytes = handed
    view = memoryview(payload)
    begin = end - all_bytes
    rows = json.loads(bytes(view[begin : begin + index_bytes]))
    return view[:begin], _cut(rows, view[begin + index_bytes : end]), checkpoint


def _cut(rows: list[tuple[str, int, str, list[str] | None]], view: memoryview) -> dict[str, Input]:
    found, at = {}, 0
    for job_id, length, codec, problem in rows:
        found[job_id] = Input(view[at : at + length], codec, Problem(*problem) if problem else None)
        at += length
    return found


def _joined(parts: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """The parts, those in a row that are small as one."""
    small: list[bytes | memoryview] = []
    for part in parts:
        if len(part) < _JOINED_BYTES:
            small.append(part)
            continue
        if small:
            yield b"".join(small)
            small = []
        yield part
    if small:
        yield b"".join(small)
