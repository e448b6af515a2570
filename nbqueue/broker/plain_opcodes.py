"""What a pickle of plain data is written with: a look at its opcodes before any of them is carried out.

A pickle is a program for a small machine. Some of its opcodes ask for memory by a number (`LONG_BINPUT` makes the
table of what was put aside as long as it says), so that a few bytes could fill a machine. Ours are written with
those below only, and none of these takes more than its bytes are worth.
"""

from __future__ import annotations

import pickletools
import re

#: opcodes without an argument, and those with so many bytes of it
_SIZES = {
    "STOP": 0, "MEMOIZE": 0, "NONE": 0, "NEWTRUE": 0, "NEWFALSE": 0, "MARK": 0, "POP": 0, "POP_MARK": 0,
    "EMPTY_TUPLE": 0, "TUPLE": 0, "TUPLE1": 0, "TUPLE2": 0, "TUPLE3": 0, "EMPTY_LIST": 0, "APPEND": 0, "APPENDS": 0,
    "EMPTY_DICT": 0, "SETITEM": 0, "SETITEMS": 0, "EMPTY_SET": 0, "ADDITEMS": 0, "FROZENSET": 0,
    "STACK_GLOBAL": 0, "REDUCE": 0, "NEWOBJ": 0, "NEWOBJ_EX": 0, "BUILD": 0,
    "PROTO": 1, "BININT1": 1, "BINGET": 1, "BININT2": 2, "BININT": 4, "LONG_BINGET": 4, "BINFLOAT": 8, "FRAME": 8,
}  # fmt: skip
#: opcodes that begin with the number of bytes they bring; that number has so many bytes
_COUNTS = {
    "SHORT_BINUNICODE": 1, "BINUNICODE": 4, "BINUNICODE8": 8, "SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8,
    "BYTEARRAY8": 8, "LONG1": 1, "LONG4": 4,
}  # fmt: skip

_CODES = {opcode.name: opcode.code.encode("latin-1")[0] for opcode in pickletools.opcodes}
_NAMES = {code: name for name, code in _CODES.items()}
_COUNT_BYTES = {_CODES[name]: size for name, size in _COUNTS.items()}
_STOP, _FRAME = _CODES["STOP"], _CODES["FRAME"]


def _run() -> re.Pattern[bytes]:
    """Many opcodes of a fixed size; at once, as most values are of numbers."""
    of_size: dict[int, bytes] = {}
    for name, size in _SIZES.items():
        if name not in ("STOP", "FRAME"):
            of_size[size] = of_size.get(size, b"") + re.escape(bytes([_CODES[name]]))
    each = b"|".join(b"[%b].{%d}" % (codes, size) if size else b"[%b]+" % codes for size, codes in of_size.items())
    return re.compile(b"(?:%b){1,200}+" % each, re.DOTALL)


_RUN = _run()


def strange(data: bytes | memoryview) -> str | None:
    """What no pickle of plain data has: the name of the first such opcode, or what else is wrong; None: nothing is.

    Frames are followed too, as the machine drops what is left of a frame when another begins in it.
    """
    at, end, frame_ends = 0, len(data), 0
    while at < end:
        code = data[at]
        if (size := _COUNT_BYTES.get(code)) is not None:
            start = at + 1 + size
            after = start + int.from_bytes(data[at + 1 : start], "little")
        elif found := _RUN.match(data, at, frame_ends if at < frame_ends else end):
            after = found.end()
        elif code == _FRAME and at >= frame_ends:
            at += 9
            frame_ends = at + int.from_bytes(data[at - 8 : at], "little")
            continue
        elif code == _STOP:
            return None
        else:
            return f"the opcode {_NAMES.get(code, hex(code))}" if code != _FRAME else "a frame inside a frame"
        if at < frame_ends < after:
            return "a frame that ends too early"
        at = after
    return "no end"
